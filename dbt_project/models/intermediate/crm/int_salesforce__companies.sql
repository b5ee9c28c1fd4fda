select
    'salesforce' as source_system,
    _account as account,
    account_id as source_company_id,
    name as company_name,
    industry,
    billing_country as country,
    number_of_employees as employee_count,
    created_date as created_at,
    is_target,
    cast(null as timestamp) as customer_lost_at,
    cast(null as varchar) as source_referred_by_company_id,
    'https://login.salesforce.com/' || account_id as crm_url,
    _is_deleted as is_deleted,
    _record_number,
    _load_number
from {{ ref('stg_salesforce__accounts') }}
