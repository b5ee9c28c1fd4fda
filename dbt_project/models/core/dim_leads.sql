with

leads as (

    select
        *,
        {{ stable_key('source_system', 'account', 'source_company_id') }} as stated_company_key,
        {{ stable_key('source_system', 'account', 'source_owner_id') }} as stated_owner_key
    from {{ ref('int_crm__leads') }}

)

select
    lead.lead_key,
    lead.source_system,
    lead.source_lead_id,
    lead.created_at,
    {{ stable_key('lead.source_system', 'lead.account', 'lead.source_contact_id') }} as contact_key,
    coalesce(company.company_key, {{ unknown_key() }}) as company_key,
    coalesce(owner.owner_key, {{ unknown_key() }}) as owner_key,
    lead.lead_status,
    coalesce(channel.channel, lead.source_channel) as channel,
    lead.lead_direction,
    lead.source_campaign_id,
    lead.disqualified_reason,
    {{ stable_key('lead.source_system', 'lead.account', 'lead.source_converted_deal_id') }} as converted_deal_key,
    lead.is_deleted,
    cast(null as {{ key_type() }}) as merged_into_lead_key,
    lead.crm_url
from leads as lead
left join {{ ref('dim_companies') }} as company on lead.stated_company_key = company.company_key
left join {{ ref('dim_owners') }} as owner on lead.stated_owner_key = owner.owner_key
left join {{ ref('channels') }} as channel on lead.source_system = channel.source_system and lead.source_channel = channel.source_channel
