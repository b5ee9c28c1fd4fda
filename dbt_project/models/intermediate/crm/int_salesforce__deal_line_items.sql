select
    'salesforce' as source_system,
    _account as account,
    line_item_id as source_line_item_id,
    opportunity_id as source_deal_id,
    product_id as source_product_id,
    quantity,
    total_price as line_amount,
    currency_iso_code as currency_code,
    _is_deleted as is_deleted,
    _record_number,
    _load_number
from {{ ref('stg_salesforce__opportunity_line_items') }}
