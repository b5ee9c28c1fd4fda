select
    'files' as source_system,
    _account as account,
    company_id as source_company_id,
    company_name,
    industry,
    country,
    employee_count,
    created_at,
    is_target,
    customer_lost_at,
    referred_by_company_id as source_referred_by_company_id,
    cast(null as varchar) as crm_url,
    _is_deleted as is_deleted,
    _record_number,
    _load_number
from {{ ref('stg_files__companies') }}
