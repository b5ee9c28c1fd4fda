select
    campaign.campaign_key,
    campaign.source_system,
    campaign.source_campaign_id,
    campaign.campaign_name,
    coalesce(channel.channel, campaign.source_channel) as channel,
    campaign.start_date,
    campaign.end_date,
    campaign.budget_amount,
    campaign.spent_amount,
    campaign.currency_code,
    campaign.is_deleted,
    cast(null as {{ key_type() }}) as merged_into_campaign_key,
    campaign.crm_url
from {{ ref('int_crm__campaigns') }} as campaign
left join {{ ref('channels') }} as channel
    on campaign.source_system = channel.source_system and campaign.source_channel = channel.source_channel
union all
select {{ unknown_key() }}, 'unknown', null, 'unknown', null, null, null, null, null, null, false, null, null
