-- The spend of all channels is the sum of the channels, wherever all of it is known; what is known of all time is what core holds.
with by_channel as (

    select
        period_grain, period_start,
        max(case when dimension = 'all' then spend_amount end) as told,
        sum(case when dimension = 'channel' then spend_amount end) as added_up,
        max(case when dimension = 'all' then lead_count end) as lead_count,
        sum(case when dimension = 'channel' then lead_count end) as added_leads,
        max(case when dimension = 'all' and cost_missing_reason = 'no_exchange_rate' then 1 else 0 end) as is_unknown
    from {{ ref('mart_marketing__cost_per_lead') }}
    group by period_grain, period_start

),

core as (

    select sum(booked_amount) as spend_amount, count(*) - count(booked_amount) as unconverted_count
    from {{ ref('fct_marketing_spend') }}
    where spend_date <= (select max(as_of_date) from {{ ref('mart_metrics__periods') }})

)

select
    by_channel.period_grain, by_channel.period_start, by_channel.told, by_channel.added_up, by_channel.lead_count, by_channel.added_leads,
    'A spend or a lead counts in no channel, or in two.' as likely_cause
from by_channel
where by_channel.lead_count is distinct from by_channel.added_leads
    or (by_channel.is_unknown = 0 and by_channel.told is distinct from by_channel.added_up)
    or (by_channel.is_unknown = 1 and by_channel.told is not null)
union all
select 'all', null, by_channel.told, core.spend_amount, null, null, 'The spend of all time is not that of fct_marketing_spend.'
from by_channel
cross join core
where by_channel.period_grain = 'all' and core.unconverted_count = 0 and by_channel.told is distinct from cast(core.spend_amount as decimal(18, 2))
union all
-- romi's change of a period is the difference of two of its rows, and there is none where the spend did not rise
select
    romi.period_grain, romi.period_start, romi.spend_change_amount, romi.revenue_change_amount, null, null,
    'mart_marketing__romi compares other periods than neighbours, or tells a figure where the spend did not rise.'
from {{ ref('mart_marketing__romi') }} as romi
left join {{ ref('mart_marketing__romi') }} as earlier
    on earlier.period_grain = romi.period_grain
    and earlier.period_start = cast(date_trunc(romi.period_grain, romi.period_start - 1) as date)
where romi.revenue_change_amount is distinct from romi.revenue_amount - earlier.revenue_amount
    or romi.spend_change_amount is distinct from romi.spend_amount - earlier.spend_amount
    or (romi.incremental_romi is null) <> (romi.incremental_romi_reason is not null)
    or (romi.incremental_romi is not null and coalesce(romi.spend_change_amount, 0) <= 0)
    or (romi.romi is null) <> (romi.romi_reason is not null)
