{%- set splits = {
    'pipeline': 'presentations.pipeline_key', 'owner': 'presentations.owner_key', 'team': 'presentations.team_name',
} -%}
with by_day as (

    select
        presentations.presented_date as calendar_date,
        {{ grouped_split(splits) }},
        count(*) filter (where not presentations.is_waiting) as presentation_count,
        count(*) filter (where presentations.is_followed_up and not presentations.is_waiting) as followed_up_count,
        count(*) filter (where presentations.is_waiting) as waiting_count
    from {{ ref('mart_marketing__presentations') }} as presentations
    {{ group_by_splits(['presentations.presented_date'], splits) }}

),

by_period as (

    {{ sums_by_period(ref('mart_metrics__periods'), 'by_day',
        ['presentation_count', 'followed_up_count', 'waiting_count'], grains=['week', 'month', 'quarter', 'year', 'all']) }}

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
