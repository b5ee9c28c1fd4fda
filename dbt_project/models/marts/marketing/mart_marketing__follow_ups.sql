{%- set splits = {
    'pipeline': 'cast(presentations.pipeline_key as varchar)', 'owner': 'cast(presentations.owner_key as varchar)', 'team': 'presentations.team_name',
} -%}
with by_day as (

    select
        presentations.presented_date as calendar_date,
        splits.dimension,
        {{ split_key('splits.dimension', splits) }} as dimension_key,
        count(*) filter (where not presentations.is_waiting) as presentation_count,
        count(*) filter (where presentations.is_followed_up and not presentations.is_waiting) as followed_up_count,
        count(*) filter (where presentations.is_waiting) as waiting_count
    from {{ ref('mart_marketing__presentations') }} as presentations
    cross join {{ split_names(splits) }}
    group by 1, 2, 3

),

by_period as (

    select
        periods.period_grain,
        periods.period_start,
        periods.is_complete_period,
        by_day.dimension,
        by_day.dimension_key,
        cast(sum(by_day.presentation_count) as bigint) as presentation_count,
        cast(sum(by_day.followed_up_count) as bigint) as followed_up_count,
        cast(sum(by_day.waiting_count) as bigint) as waiting_count
    from by_day
    inner join {{ ref('mart_metrics__periods') }} as periods on periods.calendar_date = by_day.calendar_date
    where periods.period_grain <> 'day'
    group by 1, 2, 3, 4, 5

)

select
    by_period.period_grain,
    by_period.period_start,
    by_period.is_complete_period,
    by_period.dimension,
    by_period.dimension_key,
    coalesce(labels.dimension_value, by_period.dimension_key) as dimension_value,
    by_period.presentation_count,
    by_period.followed_up_count,
    {{ safe_ratio('followed_up_count', 'presentation_count') }} as follow_up_rate,
    {{ wilson_low('followed_up_count', 'presentation_count') }} as follow_up_rate_low,
    {{ wilson_high('followed_up_count', 'presentation_count') }} as follow_up_rate_high,
    by_period.waiting_count
from by_period
left join {{ ref('mart_metrics__dimension_values') }} as labels
    on labels.dimension = by_period.dimension and labels.dimension_key = by_period.dimension_key
