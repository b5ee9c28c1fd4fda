with permissions as (

    select
        contact_key,
        crm_url,
        legal_basis,
        {{ reporting_date('created_at') }} as created_date,
        created_at,
        -- consent counts from the day it was given; a contract or a legitimate interest as long as we know the contact
        case
            when legal_basis in ('contract', 'legitimate_interest') then created_at
            when legal_basis = 'consent' then coalesce(consent_at, created_at)
            else consent_at
        end as permitted_from,
        consent_withdrawn_at
    from {{ ref('dim_contacts') }}
    where not is_deleted and merged_into_contact_key is null

)

select
    contact_key,
    crm_url,
    coalesce(legal_basis, 'unknown') as legal_basis,
    created_at,
    created_date,
    permitted_from,
    -- given anew after it was withdrawn: it holds
    case when consent_withdrawn_at >= permitted_from then consent_withdrawn_at end as permitted_until
from permissions
