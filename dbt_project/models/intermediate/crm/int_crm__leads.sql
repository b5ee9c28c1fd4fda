-- The union over the CRMs: a CRM more is a relation more. Tryton has no leads of their own: its state `lead` is a stage.
{% set columns -%}
    source_system, account, source_lead_id, lead_name, source_contact_id, source_company_id, source_owner_id, lead_status, source_channel,
    lead_direction, source_campaign_id, disqualified_reason, source_converted_deal_id, created_at, crm_url, is_deleted, _record_number,
    _load_number
{%- endset %}
with

versions as (

    select {{ columns }} from {{ ref('int_hubspot__leads') }}
    union all
    select {{ columns }} from {{ ref('int_files__leads') }}

)

select
    *,
    {{ stable_key('source_system', 'account', 'source_lead_id') }} as lead_key
from versions
qualify row_number() over (partition by source_system, account, source_lead_id order by _load_number desc, _record_number desc) = 1
