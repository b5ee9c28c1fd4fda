with cohorts as (

    select
        period_grain, period_start, is_complete_period, dimension, dimension_key,
        coalesce(sum(deal_count) filter (where has_complete_history), 0) as cohort_count,
        coalesce(sum(mid_funnel_entry_count) filter (where has_complete_history), 0) as mid_funnel_entry_count,
        coalesce(sum(deal_count) filter (where not has_complete_history), 0) as incomplete_history_count
    from {{ ref('mart_sales__funnel_cohorts') }}
    group by 1, 2, 3, 4, 5

),

here as (

    select
        period_grain, period_start, dimension, dimension_key, coalesce(furthest_step, 0) as furthest_step,
        sum(deal_count) as deal_count,
        sum(booked_amount) as booked_amount,
        sum(unconverted_count) as unconverted_count,
        {% for fate in ['open', 'lost', 'removed', 'won_elsewhere'] -%}
        coalesce(sum(deal_count) filter (where fate = '{{ fate }}'), 0) as {{ fate }}_count{{ ',' if not loop.last }}
        {% endfor %}
    from {{ ref('mart_sales__funnel_cohorts') }}
    where has_complete_history
    group by 1, 2, 3, 4, 5

),

-- whose furthest step lies at or beyond a step has reached it; those who reached none stand in a row of their own
reached as (

    select
        cohorts.*, steps.step_number, steps.step_name, steps.step_kind, steps.is_measured, steps.unmapped_stage_count,
        coalesce(sum(here.deal_count) over from_here_on, 0) as reached_count,
        coalesce(sum(here.booked_amount) over from_here_on, 0) as reached_amount,
        coalesce(sum(here.unconverted_count) over from_here_on, 0) as unconverted_count,
        coalesce(here.open_count, 0) as open_here_count,
        coalesce(here.lost_count, 0) as lost_here_count,
        coalesce(here.removed_count, 0) as removed_here_count,
        coalesce(here.won_elsewhere_count, 0) as won_elsewhere_here_count
    from cohorts
    inner join {{ ref('mart_sales__funnel_steps') }} as steps
        on steps.dimension = cohorts.dimension and steps.dimension_key = cohorts.dimension_key
    left join here
        on here.period_grain = cohorts.period_grain and here.period_start = cohorts.period_start
        and here.dimension = cohorts.dimension and here.dimension_key = cohorts.dimension_key
        and here.furthest_step = coalesce(steps.step_number, 0)
    window from_here_on as (
        partition by cohorts.period_grain, cohorts.period_start, cohorts.dimension, cohorts.dimension_key,
            steps.step_kind = 'unmapped'
        order by steps.step_number desc rows between unbounded preceding and current row
    )

),

-- a step that no stage is mapped to was not measured: it is passed over, not counted as nought or as a full pass
measured as (

    select
        *,
        case
            when is_measured and step_kind <> 'unmapped' then coalesce(
                lag(reached_count) over (
                    partition by period_grain, period_start, dimension, dimension_key, is_measured, step_kind = 'unmapped'
                    order by step_number
                ), cohort_count)
        end as previous_count
    from reached

)

select
    measured.period_grain,
    measured.period_start,
    measured.is_complete_period,
    measured.dimension,
    measured.dimension_key,
    labels.dimension_value,
    measured.step_number,
    measured.step_name,
    measured.step_kind,
    measured.is_measured,
    cast(case when measured.is_measured then measured.reached_count end as bigint) as reached_count,
    cast(measured.previous_count as bigint) as previous_count,
    {{ safe_ratio('measured.reached_count', 'measured.previous_count') }} as step_rate,
    {{ wilson_low('measured.reached_count', 'measured.previous_count') }} as step_rate_low,
    {{ wilson_high('measured.reached_count', 'measured.previous_count') }} as step_rate_high,
    cast(measured.cohort_count as bigint) as cohort_count,
    case when measured.is_measured then {{ safe_ratio('measured.reached_count', 'measured.cohort_count') }} end
        as cohort_rate,
    case when measured.is_measured then cast(measured.reached_amount as decimal(18, 2)) end as reached_amount,
    cast(measured.open_here_count as bigint) as open_here_count,
    cast(measured.lost_here_count as bigint) as lost_here_count,
    cast(measured.removed_here_count as bigint) as removed_here_count,
    cast(measured.won_elsewhere_here_count as bigint) as won_elsewhere_here_count,
    cast(case when measured.is_measured then measured.unconverted_count end as bigint) as unconverted_count,
    cast(measured.mid_funnel_entry_count as bigint) as mid_funnel_entry_count,
    cast(measured.incomplete_history_count as bigint) as incomplete_history_count,
    measured.unmapped_stage_count,
    '{{ var("currency") }}' as currency_code,
    'booked' as amount_basis
from measured
left join {{ ref('mart_metrics__dimension_values') }} as labels
    on labels.dimension = measured.dimension and labels.dimension_key = measured.dimension_key
