-- The funnel never rises; the product of the step rates is the rate from end to end; who reached a step and not the next one stands in its own columns.
with steps as (

    select
        *,
        lead(reached_count) over in_order as next_count,
        sum(ln(nullif(step_rate, 0))) over in_order as log_product,
        min(step_rate) over in_order as smallest_rate
    from {{ ref('mart_sales__funnel') }}
    where is_measured and step_kind <> 'unmapped'
    window in_order as (partition by period_grain, period_start, dimension, dimension_key order by step_number)

)

select
    period_grain, period_start, dimension, dimension_value, step_number, step_name, reached_count, previous_count, next_count,
    open_here_count, lost_here_count, removed_here_count, won_elsewhere_here_count, step_rate, cohort_rate,
    'A deal was placed at a step that it did not reach, or a step lost its stages: look at mart_sales__funnel_cohorts and the seed stage_funnel_steps.'
        as likely_cause
from steps
where reached_count > previous_count
    or (smallest_rate > 0 and abs(exp(log_product) - cohort_rate) > 1e-9)
    or (step_kind = 'step'
        and reached_count <> next_count + open_here_count + lost_here_count + removed_here_count + won_elsewhere_here_count)
