select
    'tryton' as source_system,
    _account as account,
    party_id as source_company_id,
    name as company_name,
    cast(null as varchar) as industry,
    cast(null as varchar) as country,
    cast(null as bigint) as employee_count,
    cast(null as timestamp) as created_at,
    false as is_target,
    cast(null as timestamp) as customer_lost_at,
    cast(null as varchar) as source_referred_by_company_id,
    cast(null as varchar) as crm_url,
    _is_deleted as is_deleted,
    _record_number,
    _load_number
from {{ ref('stg_tryton__parties') }}
