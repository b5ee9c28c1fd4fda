select
    'salesforce' as source_system,
    _account as account,
    product_id as source_product_id,
    name as product_name,
    family as product_line,
    _is_deleted or not is_active as is_deleted,
    _record_number,
    _load_number
from {{ ref('stg_salesforce__products') }}
