select
    'pipedrive' as source_system,
    _account as account,
    organization_id as source_company_id,
    name as company_name,
    cast(null as varchar) as industry,
    address_country as country,
    employee_count,
    add_time as created_at,
    false as is_target,
    cast(null as timestamp) as customer_lost_at,
    cast(null as varchar) as source_referred_by_company_id,
    'https://' || _account || '.pipedrive.com/organization/' || organization_id as crm_url,
    _is_deleted as is_deleted,
    _record_number,
    _load_number
from {{ ref('stg_pipedrive__organizations') }}
