{%- set splits = {
    'channel': 'customers.channel', 'product_line': 'customers.product_line', 'company_size': 'customers.company_size', 'country': 'customers.country',
} -%}
with stays as (

    select
        stays.company_key, stays.stay_number, stays.began_date, stays.ended_date,
        splits.dimension,
        {{ split_key('splits.dimension', splits) }} as dimension_key
    from {{ ref('mart_customers__stays') }} as stays
    inner join {{ ref('mart_customers__customers') }} as customers on customers.company_key = stays.company_key
    cross join {{ split_names(splits) }}

),

periods as (

    select * from {{ ref('mart_metrics__periods') }} where period_grain in ('month', 'quarter', 'year')

),

events as (

    select
        periods.period_grain, periods.period_start, stays.dimension, stays.dimension_key,
        case when stays.stay_number = 1 then 1 else 0 end as new_count,
        case when stays.stay_number > 1 then 1 else 0 end as regained_count,
        0 as lost_count,
        0 as new_lost_count
    from stays
    inner join periods on periods.calendar_date = stays.began_date

    union all

    -- who came and went within the period was no customer at its start
    select
        periods.period_grain, periods.period_start, stays.dimension, stays.dimension_key, 0, 0,
        case when stays.began_date < periods.period_start then 1 else 0 end,
        case when stays.began_date >= periods.period_start then 1 else 0 end
    from stays
    inner join periods on periods.calendar_date = stays.ended_date

),

-- every period of every member from then on has a row: customers stay while nothing happens
grid as (

    select periods.period_grain, periods.period_start, periods.is_complete_period, members.dimension, members.dimension_key
    from (select distinct period_grain, period_start, is_complete_period from periods) as periods
    cross join (select distinct dimension, dimension_key from stays) as members

),

by_period as (

    select
        grid.period_grain, grid.period_start, grid.is_complete_period, grid.dimension, grid.dimension_key,
        {% for count in ['new_count', 'regained_count', 'lost_count', 'new_lost_count'] -%}
        cast(coalesce(sum(events.{{ count }}), 0) as bigint) as {{ count }}{{ ',' if not loop.last }}
        {% endfor %}
    from grid
    left join events
        on events.period_grain = grid.period_grain and events.period_start = grid.period_start
        and events.dimension = grid.dimension and events.dimension_key = grid.dimension_key
    group by 1, 2, 3, 4, 5

),

so_far as (

    select
        *,
        cast(sum(new_count) over in_order as bigint) as customer_count,
        cast(sum(new_count + regained_count - lost_count - new_lost_count) over in_order as bigint) as closing_count
    from by_period
    window in_order as (partition by period_grain, dimension, dimension_key order by period_start)

),

opened as (

    select *, closing_count - new_count - regained_count + lost_count + new_lost_count as opening_count
    from so_far
    where customer_count > 0

)

select
    opened.period_grain,
    opened.period_start,
    opened.is_complete_period,
    opened.dimension,
    opened.dimension_key,
    coalesce(labels.dimension_value, opened.dimension_key) as dimension_value,
    opened.opening_count,
    opened.new_count,
    opened.regained_count,
    opened.lost_count,
    opened.new_lost_count,
    opened.closing_count,
    opened.customer_count,
    {{ safe_ratio('lost_count', 'opening_count') }} as churn_rate,
    {{ wilson_low('lost_count', 'opening_count') }} as churn_rate_low,
    {{ wilson_high('lost_count', 'opening_count') }} as churn_rate_high
from opened
left join {{ ref('mart_metrics__dimension_values') }} as labels
    on labels.dimension = opened.dimension and labels.dimension_key = opened.dimension_key
