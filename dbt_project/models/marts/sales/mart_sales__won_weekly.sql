-- every week since the first deal, those without a win too
with weeks as (

    select distinct period_start as week_start, is_complete_period
    from {{ ref('mart_metrics__periods') }}
    where period_grain = 'week'

),

members as (

    select dimension, dimension_key
    from {{ ref('mart_metrics__dimension_values') }}
    where dimension in ('all', 'pipeline')

),

won as (

    select weeks.week_start, weeks.is_complete_period, members.dimension, members.dimension_key, coalesce(wins.won_amount, 0) as won_amount
    from weeks
    cross join members
    left join {{ ref('mart_sales__win_rates') }} as wins
        on wins.period_grain = 'week' and wins.period_start = weeks.week_start
        and wins.dimension = members.dimension and wins.dimension_key = members.dimension_key

)

select
    week_start,
    is_complete_period,
    dimension,
    dimension_key,
    cast(won_amount as decimal(18, 2)) as won_amount,
    cast(lag(won_amount) over in_order as decimal(18, 2)) as last_week_amount,
    cast(round(cast(sum(won_amount) over (in_order rows between 13 preceding and 1 preceding) as double)
        / nullif(count(*) over (in_order rows between 13 preceding and 1 preceding), 0), 2) as decimal(18, 2)) as last_13_weeks_amount,
    '{{ var("currency") }}' as currency_code,
    'booked' as amount_basis
from won
window in_order as (partition by dimension, dimension_key order by week_start)
