-- The union over the CRMs: a CRM more is a relation more.
-- A line that changed has its newest version among the new rows: nothing older is read.
{% set columns -%}
    source_system, account, source_line_item_id, source_deal_id, source_product_id, quantity, line_amount, currency_code, is_deleted,
    _record_number, _load_number
{%- endset %}
with

versions as (

    select {{ columns }} from {{ ref('int_hubspot__deal_line_items') }}
    union all
    select {{ columns }} from {{ ref('int_pipedrive__deal_line_items') }}
    union all
    select {{ columns }} from {{ ref('int_salesforce__deal_line_items') }}
    union all
    select {{ columns }} from {{ ref('int_files__deal_line_items') }}

)

select
    *,
    {{ stable_key('source_system', 'account', 'source_line_item_id') }} as line_item_key
from versions
{{ only_new_loads() }}
qualify row_number() over (partition by source_system, account, source_line_item_id order by _load_number desc, _record_number desc) = 1
