select
    'files' as source_system,
    _account as account,
    contact_id as source_contact_id,
    company_id as source_company_id,
    full_name,
    email,
    phone,
    legal_basis,
    consent_at,
    consent_withdrawn_at,
    created_at,
    cast(null as varchar) as crm_url,
    _is_deleted as is_deleted,
    _record_number,
    _load_number
from {{ ref('stg_files__contacts') }}
