select
    'hubspot' as source_system,
    _account as account,
    company_id as source_company_id,
    name as company_name,
    industry,
    country,
    numberofemployees as employee_count,
    createdate as created_at,
    hs_is_target_account as is_target,
    cast(null as timestamp) as customer_lost_at,
    cast(null as varchar) as source_referred_by_company_id,
    'https://app.hubspot.com/contacts/' || _account || '/record/0-2/' || company_id as crm_url,
    _is_deleted as is_deleted,
    _record_number,
    _load_number
from {{ ref('stg_hubspot__companies') }}
