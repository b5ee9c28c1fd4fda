{%- set splits = deal_splits() -%}
with as_of as (

    select max(warehouse_data_through) as data_through
    from {{ ref('dim_sources') }}

),

-- wins by the day of the close, with or without a presentation before it
daily as (

    select
        closes.closed_date as calendar_date,
        {{ grouped_split(splits) }},
        count(*) as won_count,
        count(*) filter (where coalesce(touches.first_presentation_at > closes.closed_at, true)) as without_presentation_count,
        0 as activity_count,
        0 as automated_count
    from {{ ref('mart_sales__closes') }} as closes
    left join {{ ref('mart_sales__deal_touches') }} as touches on touches.deal_key = closes.deal_key
    where closes.close_group = 'won' and not closes.is_removed
    {{ group_by_splits(['closes.closed_date'], splits) }}

    union all

    select {{ reporting_date('activities.happened_at') }}, 'all', 'all', 0, 0, count(*), count(*) filter (where activities.is_automated)
    from {{ ref('fct_activities') }} as activities
    cross join as_of
    where not activities.is_deleted and activities.happened_at <= as_of.data_through
    group by 1

),

by_period as (

    select
        periods.period_grain, periods.period_start, periods.is_complete_period, daily.dimension, daily.dimension_key,
        cast(sum(daily.won_count) as bigint) as won_count,
        cast(sum(daily.without_presentation_count) as bigint) as without_presentation_count,
        cast(sum(daily.activity_count) as bigint) as activity_count,
        cast(sum(daily.automated_count) as bigint) as automated_count
    from daily
    inner join {{ ref('mart_metrics__periods') }} as periods
        on periods.calendar_date = daily.calendar_date and periods.period_grain in ('week', 'month', 'quarter', 'year')
    group by 1, 2, 3, 4, 5

)

select
    by_period.period_grain,
    by_period.period_start,
    by_period.is_complete_period,
    by_period.dimension,
    by_period.dimension_key,
    labels.dimension_value,
    'any' as touch_kind,
    cast(null as bigint) as deal_count,
    by_period.won_count,
    cast(null as double) as won_rate,
    cast(null as double) as won_rate_low,
    cast(null as double) as won_rate_high,
    cast(null as bigint) as lead_count,
    cast(null as bigint) as customer_lead_count,
    cast(null as double) as customer_lead_rate,
    by_period.without_presentation_count,
    {{ safe_ratio('by_period.without_presentation_count', 'by_period.won_count') }} as without_presentation_rate,
    {{ wilson_low('by_period.without_presentation_count', 'by_period.won_count') }} as without_presentation_rate_low,
    {{ wilson_high('by_period.without_presentation_count', 'by_period.won_count') }} as without_presentation_rate_high,
    -- activities without a deal belong to no pipeline
    case when by_period.dimension = 'all' then by_period.activity_count end as activity_count,
    case when by_period.dimension = 'all' then by_period.automated_count end as automated_count,
    case when by_period.dimension = 'all' then {{ safe_ratio('by_period.automated_count', 'by_period.activity_count') }} end as automated_rate
from by_period
left join {{ ref('mart_metrics__dimension_values') }} as labels
    on labels.dimension = by_period.dimension and labels.dimension_key = by_period.dimension_key

union all

-- of all time: what deals and leads that had a kind of touch have come to
select
    'all', (select min(calendar_date) from {{ ref('dim_dates') }}), false, 'all', 'all', 'all',
    touch_kind, deal_count, won_count,
    {{ safe_ratio('won_count', 'deal_count') }}, {{ wilson_low('won_count', 'deal_count') }}, {{ wilson_high('won_count', 'deal_count') }},
    lead_count, customer_lead_count, {{ safe_ratio('customer_lead_count', 'lead_count') }},
    null, null, null, null, null, null, null
from {{ ref('mart_sales__touch_kinds') }}
