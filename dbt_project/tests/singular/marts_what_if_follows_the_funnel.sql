-- The load on a later step is what passes the steps before it, rate by rate; wins more are the load on the last step; what several steps come to at once is never less
-- than nothing, and the tornado ranks by wins.
with rates as (

    select dimension, dimension_key, step_number, reached_count, lag(reached_count) over (partition by dimension, dimension_key order by step_number) as before_count
    from {{ ref('mart_sales__funnel') }}
    where period_grain = 'all' and is_measured and step_kind in ('step', 'won')

),

chained as (

    select
        loads.*,
        lag(loads.extra_count) over (
            partition by loads.scenario, loads.dimension, loads.dimension_key, loads.step_number, loads.raised_points, loads.quality_decay order by loads.later_step_number
        ) as extra_before,
        rates.before_count
    from {{ ref('mart_sales__what_if_loads') }} as loads
    inner join rates on rates.dimension = loads.dimension and rates.dimension_key = loads.dimension_key and rates.step_number = loads.later_step_number

)

select
    scenario, dimension_key, step_name, later_step_name, extra_count, extra_before,
    'The additional deals are lost or made between two steps: look at mart_sales__what_if_loads.' as likely_cause
from chained
where abs(coalesce(extra_before * later_reached_count / nullif(before_count, 0) * (1 - quality_decay), extra_next_count) - extra_count) > 1e-6
    or extra_count < 0
    or extra_next_count > reached_count - next_reached_count + 1e-9
    or extra_next_count > reached_count * raised_points / 100 + 1e-9

union all

select
    one.scenario, one.dimension_key, one.step_name, null, one.extra_won_count, one.tornado_rank,
    'The wins more are not what the funnel passes on, or the tornado is out of order: look at mart_sales__what_if.'
from {{ ref('mart_sales__what_if') }} as one
left join chained
    on chained.scenario = one.scenario and chained.dimension = one.dimension and chained.dimension_key = one.dimension_key and chained.step_number = one.step_number
    and chained.raised_points = one.raised_points and chained.quality_decay = one.quality_decay and chained.later_step_kind = 'won'
left join {{ ref('mart_sales__what_if') }} as better
    on better.scenario = one.scenario and better.dimension = one.dimension and better.dimension_key = one.dimension_key
    and better.raised_points = one.raised_points and better.quality_decay = one.quality_decay and better.tornado_rank < one.tornado_rank
where (one.step_number is not null and one.extra_won_count is distinct from chained.extra_count)
    or one.extra_won_count < -1e-9
    or one.extra_won_count > one.cohort_count
    or better.extra_won_count < one.extra_won_count
