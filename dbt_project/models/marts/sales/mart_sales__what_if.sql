with funnel as (

    select
        dimension, dimension_key, step_number, step_kind, reached_count, previous_count, cohort_count,
        case when step_kind = 'won' then {{ safe_ratio('reached_amount', '(reached_count - unconverted_count)') }} end as won_amount_per_deal,
        case when step_kind = 'won' then reached_count end as won_count
    from {{ ref('mart_sales__funnel') }}
    where period_grain = 'all' and is_measured and step_kind in ('step', 'won')

),

wins as (

    select dimension, dimension_key, won_count, cohort_count, won_amount_per_deal
    from funnel
    where step_kind = 'won'

),

-- of one step after the other: what its additional deals come to at the end
one_step as (

    select
        loads.scenario, loads.dimension, loads.dimension_key, loads.step_number, loads.step_name, loads.raised_points, loads.quality_decay,
        loads.reached_count, loads.next_step_name, loads.next_reached_count, loads.extra_next_count,
        sum(loads.extra_count) filter (where loads.later_step_kind = 'step') as extra_later_load_count,
        max(loads.extra_count) filter (where loads.later_step_kind = 'won') as extra_won_count
    from {{ ref('mart_sales__what_if_loads') }} as loads
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11

),

-- of several steps at once: every rate of the company's own funnel raised, and all of them multiplied
raised_rates as (

    select
        scenarios.scenario, funnel.dimension, funnel.dimension_key, funnel.step_number is not null and points.step_number is not null as is_raised,
        least(1.0, {{ safe_ratio('funnel.reached_count', 'funnel.previous_count') }} + coalesce(cast(points.raised_points as double), 0) / 100) as rate
    from funnel
    cross join (select distinct scenario from {{ ref('what_if_points') }} where step_number is not null) as scenarios
    left join {{ ref('what_if_points') }} as points
        on points.scenario = scenarios.scenario and points.step_number = funnel.step_number and funnel.step_kind = 'step'
    where funnel.dimension = 'all'

),

chained as (

    select
        scenario, dimension, dimension_key,
        count(*) filter (where is_raised) as raised_step_count,
        case
            when count(*) > count(rate) then null
            when min(rate) = 0 then 0
            else exp(sum(ln(nullif(rate, 0))))
        end as chained_rate
    from raised_rates
    group by scenario, dimension, dimension_key

),

-- what an article adds up, whether the steps are measured here or not
quoted as (

    select scenario, sum(raised_points) as additive_points, count(*) as quoted_step_count
    from {{ ref('what_if_points') }}
    where step_number is not null
    group by scenario

),

results as (

    select
        one_step.scenario, one_step.dimension, one_step.dimension_key, one_step.step_number, one_step.step_name,
        one_step.raised_points, one_step.quality_decay, one_step.reached_count, one_step.next_step_name, one_step.next_reached_count,
        one_step.extra_next_count, one_step.extra_later_load_count, one_step.extra_won_count,
        one_step.raised_points as additive_points, cast(null as bigint) as unmeasured_step_count,
        rank() over (
            partition by one_step.scenario, one_step.dimension, one_step.dimension_key, one_step.raised_points, one_step.quality_decay
            order by one_step.extra_won_count desc nulls last
        ) as tornado_rank
    from one_step

    union all

    select
        quoted.scenario, chained.dimension, chained.dimension_key, null, null, null, null, null, null, null, null, null,
        chained.chained_rate * wins.cohort_count - wins.won_count,
        quoted.additive_points, quoted.quoted_step_count - chained.raised_step_count, null
    from quoted
    inner join chained on chained.scenario = quoted.scenario
    inner join wins on wins.dimension = chained.dimension and wins.dimension_key = chained.dimension_key

)

select
    results.scenario,
    results.dimension,
    results.dimension_key,
    labels.dimension_value,
    results.step_number,
    results.step_name,
    results.next_step_name,
    cast(results.raised_points as double) as raised_points,
    cast(results.quality_decay as double) as quality_decay,
    wins.cohort_count,
    results.reached_count,
    results.next_reached_count,
    wins.won_count,
    results.extra_next_count,
    results.extra_later_load_count,
    results.extra_won_count,
    cast(round(results.extra_won_count * wins.won_amount_per_deal, 2) as decimal(18, 2)) as extra_won_amount,
    cast(results.additive_points as double) as additive_points,
    {{ safe_ratio('results.extra_won_count', 'wins.cohort_count') }} * 100 as chained_points,
    {{ safe_ratio('results.extra_won_count', 'wins.won_count') }} as extra_won_share,
    cast(results.unmeasured_step_count as bigint) as unmeasured_step_count,
    cast(results.tornado_rank as bigint) as tornado_rank,
    case when results.extra_won_count is null then 'nothing_reached_the_next_step' end as missing_reason,
    '{{ var("currency") }}' as currency_code,
    'booked' as amount_basis
from results
inner join wins on wins.dimension = results.dimension and wins.dimension_key = results.dimension_key
left join {{ ref('mart_metrics__dimension_values') }} as labels
    on labels.dimension = results.dimension and labels.dimension_key = results.dimension_key
