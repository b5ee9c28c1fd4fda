select
    'files' as source_system,
    _account as account,
    line_item_id as source_line_item_id,
    deal_id as source_deal_id,
    product_id as source_product_id,
    quantity,
    amount as line_amount,
    currency_code,
    _is_deleted as is_deleted,
    _record_number,
    _load_number
from {{ ref('stg_files__deal_line_items') }}
