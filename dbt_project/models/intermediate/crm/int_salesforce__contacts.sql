-- The loser of a merge names its master; the union wants the losers named by the survivor.
with

losers as (

    select _account, master_record_id as contact_id, string_agg(distinct contact_id, ';' order by contact_id) as merged_source_ids
    from {{ ref('stg_salesforce__contacts') }}
    where master_record_id is not null
    group by _account, master_record_id

)

select
    'salesforce' as source_system,
    contact._account as account,
    contact.contact_id as source_contact_id,
    contact.account_id as source_company_id,
    nullif(trim(coalesce(contact.first_name, '') || ' ' || coalesce(contact.last_name, '')), '') as full_name,
    contact.email,
    contact.phone,
    case
        when contact.legal_basis ilike '%consent%' then 'consent'
        when contact.legal_basis ilike '%legitimate interest%' then 'legitimate_interest'
        when contact.legal_basis ilike '%contract%' then 'contract'
        when contact.legal_basis is not null then 'none'
    end as legal_basis,
    cast(null as timestamp) as consent_at,
    cast(null as timestamp) as consent_withdrawn_at,
    contact.created_date as created_at,
    losers.merged_source_ids,
    'https://login.salesforce.com/' || contact.contact_id as crm_url,
    contact._is_deleted as is_deleted,
    contact._record_number,
    contact._load_number
from {{ ref('stg_salesforce__contacts') }} as contact
left join losers on contact._account = losers._account and contact.contact_id = losers.contact_id
