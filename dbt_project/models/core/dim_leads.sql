with

leads as (

    select
        *,
        {{ stable_key('source_system', 'account', 'source_company_id') }} as stated_company_key,
        {{ stable_key('source_system', 'account', 'source_owner_id') }} as stated_owner_key
    from {{ ref('int_crm__leads') }}
    {{ happened_by_then('created_at') }}

),

last_statuses as (

    select
        lead_key,
        max_by(new_status, (changed_at, sequence, _record_number)) as lead_status,
        min(first_mql_at) as first_mql_at,
        min(first_sql_at) as first_sql_at
    from {{ ref('fct_lead_status_changes') }}
    where retracted_at is null
    group by lead_key

)

select
    lead.lead_key,
    lead.source_system,
    lead.source_lead_id,
    lead.created_at,
    {{ stable_key('lead.source_system', 'lead.account', 'lead.source_contact_id') }} as contact_key,
    coalesce(company.company_key, {{ unknown_key() }}) as company_key,
    coalesce(owner.owner_key, {{ unknown_key() }}) as owner_key,
    coalesce({% if not then() %}lead.lead_status, {% endif %}status.lead_status, 'new') as lead_status,
    status.first_mql_at,
    status.first_sql_at,
    coalesce(channel.channel, lead.source_channel) as channel,
    lead.lead_direction,
    lead.source_campaign_id,
    coalesce(campaign.campaign_key, {{ unknown_key() }}) as campaign_key,
    lead.disqualified_reason,
    {{ ordered_key('lead.source_system', 'lead.account', 'lead.source_converted_deal_id') }} as converted_deal_key,
    lead.history_complete_from,
    lead.is_deleted,
    cast(null as {{ key_type() }}) as merged_into_lead_key,
    lead.crm_url
from leads as lead
left join last_statuses as status on lead.lead_key = status.lead_key
left join {{ ref('dim_companies') }} as company on lead.stated_company_key = company.company_key
left join {{ ref('dim_owners') }} as owner on lead.stated_owner_key = owner.owner_key
left join {{ ref('channels') }} as channel on lead.source_system = channel.source_system and lead.source_channel = channel.source_channel
left join {{ ref('dim_campaigns') }} as campaign
    on {{ stable_key('lead.source_system', 'lead.account', 'lead.source_campaign_id') }} = campaign.campaign_key
