{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='line_item_key', on_schema_change='fail') }}

with

line_items as (

    select
        *,
        {{ ordered_key('source_system', 'account', 'source_deal_id') }} as stated_deal_key,
        coalesce({{ stable_key('source_system', 'account', 'source_product_id') }}, {{ unknown_key() }}) as product_key
    from {{ ref('int_crm__deal_line_items') }}

)

select
    item.line_item_key,
    item.source_system,
    item.source_line_item_id,
    coalesce(survivor.survivor_key, item.stated_deal_key) as deal_key,
    item.product_key,
    item.quantity,
    item.line_amount,
    item.currency_code,
    item.is_deleted,
    greatest(item._load_number, coalesce(survivor._load_number, 0)) as _load_number
from line_items as item
left join {{ ref('int_crm__deal_survivors') }} as survivor on item.stated_deal_key = survivor.deal_key
{% if is_incremental() %}
where greatest(item._load_number, coalesce(survivor._load_number, 0)) > {{ newest_load() }}
{% endif %}
order by deal_key
