with weeks as (

    select period_start as week_start, is_complete_period, max(calendar_date) as last_date
    from {{ ref('mart_metrics__periods') }}
    where period_grain = 'week'
    group by 1, 2

),

-- what the sellers had at the end of a week (of the running one at the as-of) in stages in which we act
loads as (

    select weeks.week_start, daily.owner_key, sum(daily.open_count) as active_deal_count, 0 as meeting_count, null as active_deal_capacity, null as meeting_capacity
    from {{ ref('mart_sales__pipeline_daily') }} as daily
    inner join weeks on weeks.last_date = daily.calendar_date
    inner join {{ ref('mart_sales__stages') }} as stages on stages.stage_key = daily.stage_key and stages.is_active_stage
    group by 1, 2

    union all

    -- a meeting that was missed, or is still to come, takes its place too
    select cast(date_trunc('week', {{ reporting_date('happened_at') }}) as date), owner_key, 0, count(*), null, null
    from {{ ref('fct_activities') }}
    where activity_type = 'meeting' and not is_deleted and not is_automated
    group by 1, 2

    union all

    select cast(date_trunc('week', week_start_date) as date), owner_key, 0, 0, sum(active_deal_count), sum(meeting_count)
    from {{ ref('fct_capacity') }}
    group by 1, 2

),

by_week as (

    select
        week_start,
        coalesce(owner_key, {{ unknown_key() }}) as owner_key,
        cast(sum(active_deal_count) as bigint) as active_deal_count,
        cast(sum(meeting_count) as bigint) as meeting_count,
        cast(sum(active_deal_capacity) as bigint) as active_deal_capacity,
        cast(sum(meeting_capacity) as bigint) as meeting_capacity
    from loads
    group by 1, 2

)

select
    by_week.week_start,
    coalesce(weeks.is_complete_period, false) as is_complete_period,
    by_week.owner_key,
    owners.owner_name,
    owners.team_name,
    -- how many deals somebody will have in a week to come nobody knows
    case when weeks.week_start is not null then by_week.active_deal_count end as active_deal_count,
    by_week.active_deal_capacity,
    case when weeks.week_start is not null then {{ safe_ratio('by_week.active_deal_count', 'by_week.active_deal_capacity') }} end as active_deal_rate,
    by_week.meeting_count,
    by_week.meeting_capacity,
    {{ safe_ratio('by_week.meeting_count', 'by_week.meeting_capacity') }} as meeting_rate,
    case
        when by_week.active_deal_capacity is null and by_week.meeting_capacity is null then 'no_capacity'
        when weeks.week_start is null then 'week_to_come'
        when coalesce(by_week.active_deal_capacity, 0) = 0 or coalesce(by_week.meeting_capacity, 0) = 0 then 'no_capacity_of_one'
    end as missing_reason
from by_week
left join weeks on weeks.week_start = by_week.week_start
left join {{ ref('dim_owners') }} as owners on owners.owner_key = by_week.owner_key
