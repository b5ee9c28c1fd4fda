select
    contact.contact_key,
    contact.source_system,
    contact.source_contact_id,
    coalesce(survivor.company_key, company.company_key, {{ unknown_key() }}) as company_key,
    contact.legal_basis,
    contact.consent_at,
    contact.consent_withdrawn_at,
    contact.created_at,
    contact.is_deleted,
    contact.merged_into_contact_key,
    contact.crm_url
from {{ ref('int_crm__contacts') }} as contact
left join {{ ref('dim_companies') }} as company
    on {{ stable_key('contact.source_system', 'contact.account', 'contact.source_company_id') }} = company.company_key
left join {{ ref('dim_companies') }} as survivor on company.merged_into_company_key = survivor.company_key
{{ happened_by_then('contact.created_at') }}
