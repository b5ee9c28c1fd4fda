with by_day as (

    select
        visits.stage_key,
        {{ reporting_date('visits.exited_at') }} as left_date,
        count(*) filter (where outcomes.has_complete_history) as left_count,
        count(*) filter (where outcomes.has_complete_history and visits.exit_kind in ('advanced', 'skipped_ahead', 'won'))
            as forward_count,
        count(*) filter (where outcomes.has_complete_history and visits.exit_kind = 'won') as won_count,
        count(*) filter (where not outcomes.has_complete_history) as incomplete_history_count
    from {{ ref('fct_deal_stage_visits') }} as visits
    inner join {{ ref('mart_sales__deal_outcomes') }} as outcomes on outcomes.deal_key = visits.deal_key
    where visits.stage_kind = 'open' and visits.exited_at is not null
    group by 1, 2

),

by_period as (

    select
        periods.period_grain, periods.period_start, periods.is_complete_period, by_day.stage_key,
        cast(sum(by_day.left_count) as bigint) as left_count,
        cast(sum(by_day.forward_count) as bigint) as forward_count,
        cast(sum(by_day.won_count) as bigint) as won_count,
        cast(sum(by_day.incomplete_history_count) as bigint) as incomplete_history_count
    from by_day
    inner join {{ ref('mart_metrics__periods') }} as periods on periods.calendar_date = by_day.left_date
    group by 1, 2, 3, 4

)

select
    by_period.period_grain,
    by_period.period_start,
    by_period.is_complete_period,
    'milestone' as counting,
    stages.pipeline_key,
    stages.pipeline_name,
    by_period.stage_key,
    stages.stage_name,
    stages.stage_order,
    by_period.left_count,
    by_period.forward_count,
    by_period.won_count,
    {{ safe_ratio('by_period.forward_count', 'by_period.left_count') }} as conversion_rate,
    {{ wilson_low('by_period.forward_count', 'by_period.left_count') }} as conversion_rate_low,
    {{ wilson_high('by_period.forward_count', 'by_period.left_count') }} as conversion_rate_high,
    by_period.incomplete_history_count
from by_period
left join {{ ref('mart_sales__stages') }} as stages on stages.stage_key = by_period.stage_key
