-- Where the CRM keeps no history of a lead's status it is seen as a difference between two loaded versions; the first stands for the creation.
with

changed_leads as (

    select lead_key, created_at, _load_number as newest_load
    from {{ ref('int_crm__leads') }}
    {{ only_new_loads() }}

),

versions as (

    select
        version.lead_key,
        coalesce(version.lead_status, 'new') as status,
        changed_leads.created_at,
        changed_leads.newest_load,
        version._load_number * 1000000000 + version._record_number as version_number,
        version._run_id,
        version._extracted_at,
        version._source_updated_at
    from {{ ref('int_crm__lead_versions') }} as version
    inner join changed_leads on version.lead_key = changed_leads.lead_key
    anti join {{ ref('int_crm__lead_history') }} as history on version.lead_key = history.lead_key

),

differences as (

    select
        *,
        lag(status) over lead_versions as status_before,
        lag(_extracted_at) over lead_versions as seen_before_at,
        row_number() over lead_versions as sequence
    from versions
    window lead_versions as (partition by lead_key order by version_number)
    qualify sequence = 1 or status <> status_before

)

-- The CRM's own instant counts where it can be the instant of this change: after the version before, not after this one.
select
    lead_key,
    status,
    case
        when sequence = 1 then created_at
        when _source_updated_at > seen_before_at and _source_updated_at <= _extracted_at then _source_updated_at
        else _extracted_at
    end as changed_at,
    sequence,
    case when sequence = 1 then 'inferred' else 'observed' end as change_source,
    _run_id as first_run_id,
    _extracted_at as first_seen_at,
    newest_load as _load_number
from differences
