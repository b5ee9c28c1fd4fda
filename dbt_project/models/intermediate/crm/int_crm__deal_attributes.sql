-- The deal's words in the company's vocabulary, and its references as keys.
with

lost_groups as (

    select reason.lost_reason, min(pattern.lost_group) as lost_group
    from (select distinct lost_reason from {{ ref('int_crm__deals_as_of') }} where lost_reason is not null) as reason
    inner join {{ ref('lost_reasons') }} as pattern on lower(reason.lost_reason) like pattern.reason_pattern
    group by reason.lost_reason

),

lead_of_deals as (

    select source_system, account, source_converted_deal_id as source_deal_id, min(source_lead_id) as source_lead_id
    from {{ ref('int_crm__leads') }}
    where source_converted_deal_id is not null
    group by source_system, account, source_converted_deal_id

)

select
    deal.*,
    coalesce(lost_group.lost_group, 'lost') as lost_group,
    coalesce(channel.channel, deal.source_channel) as channel,
    coalesce(survivor.company_key, company.company_key, {{ unknown_key() }}) as company_key,
    coalesce({{ stable_key('deal.source_system', 'deal.account', 'deal.source_owner_id') }}, {{ unknown_key() }}) as owner_key,
    {{ stable_key('deal.source_system', 'deal.account', 'coalesce(deal.source_lead_id, lead_of_deal.source_lead_id)') }} as lead_key
from {{ ref('int_crm__deals_as_of') }} as deal
left join lost_groups as lost_group on deal.lost_reason = lost_group.lost_reason
left join lead_of_deals as lead_of_deal
    on deal.source_system = lead_of_deal.source_system and deal.account = lead_of_deal.account
    and deal.source_deal_id = lead_of_deal.source_deal_id
left join {{ ref('channels') }} as channel on deal.source_system = channel.source_system and deal.source_channel = channel.source_channel
left join {{ ref('int_crm__companies') }} as company
    on deal.source_system = company.source_system and deal.account = company.account
    and deal.source_company_id = company.source_company_id
    {{ happened_by_then('company.created_at', 'and') }}
left join {{ ref('int_crm__companies') }} as survivor
    on company.merged_into_company_key = survivor.company_key {{ happened_by_then('survivor.created_at', 'and') }}
