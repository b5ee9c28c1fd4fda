-- Tryton knows no contacts beside its parties: a contact is a party that can be reached, with its first e-mail and telephone number.
select
    'tryton' as source_system,
    mechanism._account as account,
    mechanism.party as source_contact_id,
    mechanism.party as source_company_id,
    arg_max(party.name, party._load_number) as full_name,
    arg_max(mechanism.value, mechanism._load_number) filter (where mechanism.type = 'email' and not mechanism._is_deleted) as email,
    arg_max(mechanism.value, mechanism._load_number) filter (where mechanism.type in ('phone', 'mobile') and not mechanism._is_deleted) as phone,
    cast(null as varchar) as legal_basis,
    cast(null as timestamp) as consent_at,
    cast(null as timestamp) as consent_withdrawn_at,
    cast(null as timestamp) as created_at,
    cast(null as varchar) as crm_url,
    coalesce(arg_max(party._is_deleted, party._load_number), false) as is_deleted,
    max(mechanism._record_number) as _record_number,
    greatest(max(mechanism._load_number), coalesce(max(party._load_number), 0)) as _load_number
from {{ ref('stg_tryton__contact_mechanisms') }} as mechanism
left join {{ ref('stg_tryton__parties') }} as party on mechanism._account = party._account and mechanism.party = party.party_id
where mechanism.party is not null
group by mechanism._account, mechanism.party
