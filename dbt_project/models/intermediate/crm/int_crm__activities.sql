-- The union over the CRMs: a CRM more is a relation more. Tryton's opportunities have no activities.
{% set columns -%}
    source_system, account, source_activity_id, activity_type, happened_at, source_deal_id, source_lead_id, source_contact_id,
    source_owner_id, direction, is_automated, outcome, is_deleted, _record_number, _load_number
{%- endset %}
with

versions as (

    select {{ columns }} from {{ ref('int_hubspot__activities') }}
    union all
    select {{ columns }} from {{ ref('int_pipedrive__activities') }}
    union all
    select {{ columns }} from {{ ref('int_salesforce__activities') }}
    union all
    select {{ columns }} from {{ ref('int_files__activities') }}

),

-- An activity that changed has its newest version among the new rows: nothing older is read. Of a contact that was merged since, what is held.
changed_versions as (

    select {{ columns }} from versions {{ only_new_loads() }}
    {% if is_incremental() %}
    union all
    select {{ columns }}
    from {{ this }}
    where (source_system, account, source_contact_id) in (
        select (source_system, account, source_id) from {{ ref('int_crm__survivors') }}
        where entity = 'contact' and _load_number > {{ newest_load() }}
    )
    {% endif %}

)

select
    version.* exclude (source_contact_id, _load_number),
    coalesce(survivor.survivor_source_id, version.source_contact_id) as source_contact_id,
    {{ ordered_key('version.source_system', 'version.account', 'version.source_activity_id') }} as activity_key,
    greatest(version._load_number, coalesce(survivor._load_number, 0)) as _load_number
from changed_versions as version
left join {{ ref('int_crm__survivors') }} as survivor
    on survivor.entity = 'contact' and version.source_system = survivor.source_system and version.account = survivor.account
    and version.source_contact_id = survivor.source_id
qualify row_number() over (
    partition by version.source_system, version.account, version.source_activity_id
    order by version._load_number desc, version._record_number desc
) = 1
