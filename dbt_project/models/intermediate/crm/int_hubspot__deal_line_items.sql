-- `amount` is the line after discounts, as HubSpot calculates it; a line that was never calculated has a price and a quantity only.
select
    'hubspot' as source_system,
    _account as account,
    line_item_id as source_line_item_id,
    deal_id as source_deal_id,
    hs_product_id as source_product_id,
    quantity,
    coalesce(amount, cast(price * quantity as decimal(18, 2))) as line_amount,
    hs_line_item_currency_code as currency_code,
    _is_deleted as is_deleted,
    _record_number,
    _load_number
from {{ ref('stg_hubspot__line_items') }}
