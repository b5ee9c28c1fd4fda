select
    'hubspot' as source_system,
    _account as account,
    product_id as source_product_id,
    coalesce(name, 'product ' || product_id) as product_name,
    product_line,
    _is_deleted as is_deleted,
    _record_number,
    _load_number
from {{ ref('stg_hubspot__products') }}
