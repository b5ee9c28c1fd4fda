-- Whatever changes a lead (its record, its history, its campaign, a merge of its contact or company) passes through here: every model further on asks this one which
-- leads are new tonight.
with

contact_survivors as (

    select * from {{ ref('int_crm__survivors') }} where entity = 'contact'

),

company_survivors as (

    select * from {{ ref('int_crm__survivors') }} where entity = 'company'

),

changed_leads as (

    select lead_key, max(_load_number) as newest_load
    from (
        select lead_key, _load_number from {{ ref('int_crm__lead_versions') }} {{ only_new_loads() }}
        union all
        select lead_key, _load_number from {{ ref('int_crm__lead_history') }} {{ only_new_loads() }}
        union all
        select lead_key, _load_number from {{ ref('int_crm__lead_campaigns') }} {{ only_new_loads() }}
        {% if is_incremental() -%}
        union all
        select lead_key, 0
        from {{ this }}
        where
            (source_system, account, source_contact_id) in (
                select (source_system, account, source_id) from contact_survivors {{ only_new_loads() }}
            )
            or (source_system, account, source_company_id) in (
                select (source_system, account, source_id) from company_survivors {{ only_new_loads() }}
            )
        {%- endif %}
    ) as news
    group by lead_key

),

versions as (

    select
        version.*,
        changed_leads.newest_load,
        first_value(version._run_id) over lead_versions as first_run_id,
        first_value(version._extracted_at) over lead_versions as first_seen_at,
        first_value(coalesce(version.lead_status, 'new')) over lead_versions as first_status
    from {{ ref('int_crm__lead_versions') }} as version
    inner join changed_leads on version.lead_key = changed_leads.lead_key
    window lead_versions as (partition by version.lead_key order by version._load_number, version._record_number)
    qualify row_number() over (partition by version.lead_key order by version._load_number desc, version._record_number desc) = 1

),

histories as (

    select
        history.lead_key,
        min(history.changed_at) as status_known_from,
        arg_min(history.status_before is not null, (history.changed_at, history.sequence, history._record_number)) as tells_the_beginning
    from {{ ref('int_crm__lead_history') }} as history
    inner join changed_leads on history.lead_key = changed_leads.lead_key
    where history.retracted_at is null
    group by history.lead_key

)

select
    version.* exclude (
        source_contact_id, source_company_id, created_at, newest_load, _source_updated_at, _extracted_at, _run_id, _record_number, _load_number
    ),
    coalesce(contact.survivor_source_id, version.source_contact_id) as source_contact_id,
    coalesce(company.survivor_source_id, version.source_company_id) as source_company_id,
    coalesce(least(version.created_at, history.status_known_from), version.created_at, version.first_seen_at) as created_at,
    case
        when history.tells_the_beginning then least(version.created_at, history.status_known_from)
        else coalesce(history.status_known_from, version.first_seen_at)
    end as history_complete_from,
    greatest(version.newest_load, version._load_number, coalesce(contact._load_number, 0), coalesce(company._load_number, 0)) as _load_number
from versions as version
left join histories as history on version.lead_key = history.lead_key
left join contact_survivors as contact
    on version.source_system = contact.source_system and version.account = contact.account and version.source_contact_id = contact.source_id
left join company_survivors as company
    on version.source_system = company.source_system and version.account = company.account and version.source_company_id = company.source_id
