-- The union over the CRMs: a CRM more is a relation more.
{% set columns -%}
    source_system, account, source_campaign_id, campaign_name, source_channel, start_date, end_date, budget_amount, spent_amount,
    currency_code, crm_url, is_deleted, _record_number, _load_number
{%- endset %}
with

versions as (

    select {{ columns }} from {{ ref('int_hubspot__campaigns') }}
    union all
    select {{ columns }} from {{ ref('int_salesforce__campaigns') }}
    union all
    select {{ columns }} from {{ ref('int_files__campaigns') }}

)

select
    *,
    {{ stable_key('source_system', 'account', 'source_campaign_id') }} as campaign_key
from versions
qualify row_number() over (partition by source_system, account, source_campaign_id order by _load_number desc, _record_number desc) = 1
