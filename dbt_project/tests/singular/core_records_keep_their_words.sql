-- Companies, contacts, leads and activities stand in core as their records state them, none more and none less; the company of a contact or lead
-- that is not held is the unknown one, of one that was merged away the survivor; so is the contact of a lead and the company of a deal.
with told as (

    select 'company' as entity, company_key as entity_key, source_company_id as source_id, is_deleted, is_target as flag, created_at,
        cast(null as uuid) as company_key, company_name as words
    from {{ ref('dim_companies') }}
    union all
    select 'contact', contact_key, source_contact_id, is_deleted, false, created_at, company_key, legal_basis from {{ ref('dim_contacts') }}
    union all
    select 'lead', lead_key, source_lead_id, is_deleted, converted_deal_key is null, created_at, company_key, lead_direction from {{ ref('dim_leads') }}
    union all
    select 'activity', activity_key, source_activity_id, is_deleted, is_automated, happened_at, owner_key, activity_type from {{ ref('fct_activities') }}

),

stated as (

    select 'company' as entity, company_key as entity_key, source_company_id as source_id, is_deleted, coalesce(is_target, false) as flag, created_at,
        cast(null as uuid) as company_key, company_name as words
    from {{ ref('int_crm__companies') }}
    union all
    select 'company', {{ unknown_key() }}, null, false, false, null, null, 'unknown'
    union all
    select 'contact', contact.contact_key, contact.source_contact_id, contact.is_deleted, false, contact.created_at,
        coalesce(company.merged_into_company_key, company.company_key, {{ unknown_key() }}), contact.legal_basis
    from {{ ref('int_crm__contacts') }} as contact
    left join {{ ref('int_crm__companies') }} as company
        on company.source_system = contact.source_system and company.account = contact.account and company.source_company_id = contact.source_company_id
    union all
    select 'lead', lead.lead_key, lead.source_lead_id, lead.is_deleted, lead.source_converted_deal_id is null, lead.created_at,
        coalesce(company.company_key, {{ unknown_key() }}), lead.lead_direction
    from {{ ref('int_crm__leads') }} as lead
    left join {{ ref('int_crm__companies') }} as company
        on company.source_system = lead.source_system and company.account = lead.account and company.source_company_id = lead.source_company_id
    union all
    select 'activity', activity_key, source_activity_id, is_deleted, is_automated, happened_at,
        coalesce({{ stable_key('source_system', 'account', 'source_owner_id') }}, {{ unknown_key() }}), activity_type
    from {{ ref('int_crm__activities') }}

)

select 'only in core' as where_it_stands, *, 'A record stands in core twice, or otherwise than its source states it.' as likely_cause
from (select * from told except all select * from stated)
union all
select 'not in core', *, 'A record is missing from core.'
from (select * from stated except all select * from told)
union all
select 'in core', pointer.*, 'It points to a contact or company that was merged away instead of the survivor.'
from (
    select entity, entity_key, source_id, is_deleted, flag, created_at, company_key as pointer_key, words from told where entity in ('contact', 'lead')
    union all
    select 'lead', lead_key, source_lead_id, is_deleted, false, created_at, contact_key, lead_direction from {{ ref('dim_leads') }}
    union all
    select 'deal', deal_key, source_deal_id, is_deleted, false, created_at, company_key, deal_status from {{ ref('dim_deals') }}
) as pointer
inner join (
    select company_key as party_key from {{ ref('dim_companies') }} where merged_into_company_key is not null
    union all
    select contact_key from {{ ref('dim_contacts') }} where merged_into_contact_key is not null
) as merged_away on pointer.pointer_key = merged_away.party_key
