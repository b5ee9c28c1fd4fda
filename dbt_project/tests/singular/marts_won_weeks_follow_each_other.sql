-- What was won in a week is what mart_sales__win_rates says, nothing where nothing was won; the week before stands beside it, and the mean of the thirteen weeks before it.
with weeks as (

    select
        told.dimension, told.dimension_key, told.week_start,
        count(before.week_start) as week_count,
        sum(before.won_amount) as before_amount,
        sum(before.won_amount) filter (where before.week_start = told.week_start - 7) as last_week_amount
    from {{ ref('mart_sales__won_weekly') }} as told
    left join {{ ref('mart_sales__won_weekly') }} as before
        on before.dimension = told.dimension and before.dimension_key = told.dimension_key
        and before.week_start < told.week_start and before.week_start >= told.week_start - 91
    group by 1, 2, 3

)

select
    told.dimension, told.dimension_key, told.week_start, told.won_amount, told.last_week_amount, told.last_13_weeks_amount,
    'A week has other wins, or another past, than the list itself says: look at mart_sales__won_weekly.' as likely_cause
from {{ ref('mart_sales__won_weekly') }} as told
inner join weeks on weeks.dimension = told.dimension and weeks.dimension_key = told.dimension_key and weeks.week_start = told.week_start
left join {{ ref('mart_sales__win_rates') }} as wins
    on wins.period_grain = 'week' and wins.period_start = told.week_start
    and wins.dimension = told.dimension and wins.dimension_key = told.dimension_key
where told.won_amount <> coalesce(wins.won_amount, 0)
    or told.last_week_amount is distinct from weeks.last_week_amount
    or (told.last_13_weeks_amount is null) <> (weeks.week_count = 0)
    or abs(told.last_13_weeks_amount * weeks.week_count - weeks.before_amount) > 0.005 * weeks.week_count + 0.001

union all

select dimension, null, week_start, null, null, null, 'A member has a week twice, or a member has fewer weeks than the others.'
from (
    select dimension, dimension_key, week_start, count(*) over (partition by dimension, dimension_key, week_start) as row_count,
        count(*) over (partition by week_start) as member_count, max(week_start) over () as newest
    from {{ ref('mart_sales__won_weekly') }}
) as counted
where row_count > 1
    or member_count <> (select count(*) from {{ ref('mart_metrics__dimension_values') }} where dimension in ('all', 'pipeline'))
