select
    product_key,
    source_system,
    source_product_id,
    product_name,
    product_line,
    is_deleted,
    cast(null as {{ key_type() }}) as merged_into_product_key,
    cast(null as varchar) as crm_url
from {{ ref('int_crm__products') }}
union all
select {{ unknown_key() }}, 'unknown', null, 'unknown', null, false, null, null
