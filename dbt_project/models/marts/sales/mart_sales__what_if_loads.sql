-- the funnel of every deal with a known way, step by step; a step that no stage stands for was not measured
with steps as (

    select
        dimension, dimension_key, step_number, step_name, step_kind, reached_count,
        row_number() over in_order as place,
        lead(step_name) over in_order as next_step_name,
        lead(reached_count) over in_order as next_reached_count
    from {{ ref('mart_sales__funnel') }}
    where period_grain = 'all' and is_measured and step_kind in ('step', 'won')
    window in_order as (partition by dimension, dimension_key order by step_number)

),

raised as (

    select
        points.scenario, points.raised_points, points.quality_decay,
        steps.dimension, steps.dimension_key, steps.place, steps.step_number, steps.step_name, steps.reached_count,
        steps.next_step_name, steps.next_reached_count,
        -- more than all of them cannot go on
        least(steps.reached_count * points.raised_points / 100.0, steps.reached_count - steps.next_reached_count) as extra_next_count
    from steps
    cross join {{ ref('what_if_points') }} as points
    where points.step_number is null and steps.step_kind = 'step'

)

select
    raised.scenario,
    raised.dimension,
    raised.dimension_key,
    raised.step_number,
    raised.step_name,
    raised.raised_points,
    raised.quality_decay,
    raised.reached_count,
    raised.next_step_name,
    raised.next_reached_count,
    cast(raised.extra_next_count as double) as extra_next_count,
    later.step_number as later_step_number,
    later.step_name as later_step_name,
    later.step_kind as later_step_kind,
    later.reached_count as later_reached_count,
    -- they pass the later steps as the others did, or less often by the decay
    raised.extra_next_count * {{ safe_ratio('later.reached_count', 'raised.next_reached_count') }}
        * power(1 - cast(raised.quality_decay as double), later.place - raised.place - 1) as extra_count
from raised
inner join steps as later
    on later.dimension = raised.dimension and later.dimension_key = raised.dimension_key and later.place > raised.place
