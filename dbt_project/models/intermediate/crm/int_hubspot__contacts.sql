select
    'hubspot' as source_system,
    _account as account,
    contact_id as source_contact_id,
    company_id as source_company_id,
    nullif(trim(coalesce(firstname, '') || ' ' || coalesce(lastname, '')), '') as full_name,
    email,
    phone,
    case
        when hs_legal_basis ilike '%consent%' then 'consent'
        when hs_legal_basis ilike '%legitimate interest%' then 'legitimate_interest'
        when hs_legal_basis ilike '%contract%' then 'contract'
        when hs_legal_basis is not null then 'none'
    end as legal_basis,
    cast(null as timestamp) as consent_at,
    cast(null as timestamp) as consent_withdrawn_at,
    createdate as created_at,
    'https://app.hubspot.com/contacts/' || _account || '/record/0-1/' || contact_id as crm_url,
    _is_deleted as is_deleted,
    _record_number,
    _load_number
from {{ ref('stg_hubspot__contacts') }}
