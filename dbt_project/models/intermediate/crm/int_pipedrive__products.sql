select
    'pipedrive' as source_system,
    _account as account,
    product_id as source_product_id,
    name as product_name,
    category as product_line,
    is_deleted or _is_deleted as is_deleted,
    _record_number,
    _load_number
from {{ ref('stg_pipedrive__products') }}
