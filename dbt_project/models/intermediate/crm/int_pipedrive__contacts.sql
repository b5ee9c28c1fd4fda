-- Pipedrive keeps no legal basis: it stays unknown.
select
    'pipedrive' as source_system,
    _account as account,
    person_id as source_contact_id,
    org_id as source_company_id,
    nullif(trim(name), '') as full_name,
    coalesce(list_filter(emails, lambda email: email."primary")[1].value, emails[1].value) as email,
    coalesce(list_filter(phones, lambda phone: phone."primary")[1].value, phones[1].value) as phone,
    cast(null as varchar) as legal_basis,
    cast(null as timestamp) as consent_at,
    cast(null as timestamp) as consent_withdrawn_at,
    add_time as created_at,
    'https://' || _account || '.pipedrive.com/person/' || person_id as crm_url,
    _is_deleted as is_deleted,
    _record_number,
    _load_number
from {{ ref('stg_pipedrive__persons') }}
