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

)

-- An activity that changed has its newest version among the new rows: nothing older is read.
select
    *,
    {{ stable_key('source_system', 'account', 'source_activity_id') }} as activity_key
from versions
{{ only_new_loads() }}
qualify row_number() over (partition by source_system, account, source_activity_id order by _load_number desc, _record_number desc) = 1
