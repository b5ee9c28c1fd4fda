with as_of as (

    select max(warehouse_data_through) as data_through
    from {{ ref('dim_sources') }}

),

-- the days begun until a deal was won or lost; of an open one until the as-of, of a deleted or merged one until its end: nobody knows what would have come
followed as (

    select
        periods.period_start as month_start, outcomes.created_pipeline_key, outcomes.created_owner_key, outcomes.channel, outcomes.deal_status,
        -- nothing is asked beyond a year
        least(cast(ceil({{ hours_between('outcomes.created_at', 'coalesce(outcomes.outcome_at, as_of.data_through)') }} / 24) as bigint), 366) as days
    from {{ ref('mart_sales__deal_outcomes') }} as outcomes
    cross join as_of
    inner join {{ ref('mart_metrics__periods') }} as periods
        on periods.calendar_date = outcomes.created_date and periods.period_grain = 'month'

)

{% for dimension, key in {'all': "'all'", 'pipeline': 'created_pipeline_key', 'owner': 'created_owner_key', 'channel': 'channel'}.items() -%}
select
    month_start, '{{ dimension }}' as dimension, cast({{ key }} as varchar) as dimension_key, greatest(days, 0) as days,
    count(*) as deal_count,
    count(*) filter (where deal_status = 'won') as won_count,
    count(*) filter (where deal_status = 'lost') as lost_count
from followed
group by month_start, {{ key }}, greatest(days, 0)
{{ 'union all' if not loop.last }}
{% endfor %}
