-- The union over the CRMs: a CRM more is a relation more.
{% set columns -%}
    source_system, account, source_spend_id, spend_date, source_channel, source_campaign_id, spend_amount, currency_code, is_deleted, _record_number,
    _load_number
{%- endset %}
with

versions as (

    select {{ columns }} from {{ ref('int_files__marketing_spend') }}

)

select
    *,
    {{ stable_key('source_system', 'account', 'source_spend_id') }} as spend_key
from versions
qualify row_number() over (partition by source_system, account, source_spend_id order by _load_number desc, _record_number desc) = 1
