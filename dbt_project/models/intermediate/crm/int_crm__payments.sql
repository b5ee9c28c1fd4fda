-- The union over the CRMs: a CRM more is a relation more.
{% set columns -%}
    source_system, account, source_payment_id, source_deal_id, paid_at, payment_amount, currency_code, is_deleted, _record_number,
    _load_number
{%- endset %}
with

versions as (

    select {{ columns }} from {{ ref('int_files__payments') }}

)

select
    *,
    {{ stable_key('source_system', 'account', 'source_payment_id') }} as payment_key
from versions
qualify row_number() over (partition by source_system, account, source_payment_id order by _load_number desc, _record_number desc) = 1
