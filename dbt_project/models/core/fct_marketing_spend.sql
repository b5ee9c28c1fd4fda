with

entries as (

    select *, spend_date as booked_date
    from {{ ref('int_crm__marketing_spend') }}
    where not is_deleted {{ dated_by_then('spend_date', 'and') }}

)

select
    entry.spend_key,
    entry.source_system,
    entry.source_spend_id,
    entry.spend_date,
    coalesce(channel.channel, entry.source_channel) as channel,
    coalesce(meant_campaign.entity_key, {{ unknown_key() }}) as campaign_key,
    entry.spend_amount,
    {{ converted('entry.spend_amount', 'booked.exchange_rate') }} as booked_amount,
    {{ converted('entry.spend_amount', 'constant.exchange_rate') }} as constant_amount,
    entry.currency_code,
    case
        when entry.spend_amount is null then 'no_amount'
        when booked.exchange_rate is null or constant.exchange_rate is null then 'no_exchange_rate'
    end as amount_missing_reason
from entries as entry
left join {{ ref('int_crm__references') }} as meant_campaign
    on meant_campaign.entity = 'campaign' and entry.source_system = meant_campaign.source_system and entry.account = meant_campaign.account
    and entry.source_campaign_id = meant_campaign.source_id
left join {{ ref('channels') }} as channel on entry.source_system = channel.source_system and entry.source_channel = channel.source_channel
left join {{ ref('dim_exchange_rates') }} as booked
    on entry.booked_date = booked.rate_date and entry.currency_code = booked.from_currency_code
    and booked.to_currency_code = '{{ var("currency") }}'
left join {{ ref('dim_constant_rates') }} as constant on entry.currency_code = constant.from_currency_code
