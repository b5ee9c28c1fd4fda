select
    'salesforce' as source_system,
    _account as account,
    contact_id as source_contact_id,
    account_id as source_company_id,
    nullif(trim(coalesce(first_name, '') || ' ' || coalesce(last_name, '')), '') as full_name,
    email,
    phone,
    case
        when legal_basis ilike '%consent%' then 'consent'
        when legal_basis ilike '%legitimate interest%' then 'legitimate_interest'
        when legal_basis ilike '%contract%' then 'contract'
        when legal_basis is not null then 'none'
    end as legal_basis,
    cast(null as timestamp) as consent_at,
    cast(null as timestamp) as consent_withdrawn_at,
    created_date as created_at,
    'https://login.salesforce.com/' || contact_id as crm_url,
    _is_deleted as is_deleted,
    _record_number,
    _load_number
from {{ ref('stg_salesforce__contacts') }}
