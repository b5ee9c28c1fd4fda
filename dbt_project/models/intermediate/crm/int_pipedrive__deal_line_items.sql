-- Every version of a deal's list is whole: a line that the newest list lacks was taken off the deal.
with

lists as (

    select *, row_number() over (partition by _account, deal_id order by _load_number desc, _record_number desc) = 1 as is_newest
    from {{ ref('stg_pipedrive__deal_products') }}

),

lines as (

    select
        list._account, list.deal_id, list.is_newest, list._record_number, list._load_number,
        max(list._load_number) over (partition by list._account, list.deal_id) as newest_load,
        unnest(list.products) as line
    from lists as list

)

select
    'pipedrive' as source_system,
    line._account as account,
    line.line.id as source_line_item_id,
    line.deal_id as source_deal_id,
    line.line.product_id as source_product_id,
    {{ number_of('line.line.quantity') }} as quantity,
    try_cast(line.line.sum as decimal(18, 2)) as line_amount,
    line.line.currency as currency_code,
    not line.is_newest or not coalesce(line.line.is_enabled, true) as is_deleted,
    line._record_number,
    case when line.is_newest then line._load_number else line.newest_load end as _load_number
from lines as line
qualify row_number() over (partition by line._account, line.line.id order by line.is_newest desc, line._load_number desc) = 1
