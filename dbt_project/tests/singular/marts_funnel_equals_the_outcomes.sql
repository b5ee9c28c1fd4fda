-- The funnel of every month, counted deal by deal: a deal has reached a step when a stage of its pipeline mapped to that step, or to one
-- after it, lies at or before its furthest place, or when it was won where it was created.
with steps as (

    select distinct step_number, step_name, step_kind from {{ ref('mart_sales__funnel_steps') }} where dimension = 'all'

),

deals as (

    select outcomes.*, outcomes.deal_status = 'won' and outcomes.pipeline_key = outcomes.created_pipeline_key as is_won_at_home
    from {{ ref('mart_sales__deal_outcomes') }} as outcomes

),

passed as (

    select deals.deal_key, max(steps.step_number) as furthest_step
    from deals
    inner join {{ ref('dim_stages') }} as stages
        on stages.pipeline_key = deals.created_pipeline_key and stages.is_current and not stages.is_deleted
        and stages.stage_kind <> 'lost' and stages.open_rank <= deals.furthest_rank
    inner join steps on steps.step_name = stages.funnel_step and steps.step_kind = 'step'
    group by deals.deal_key

),

reached as (

    select
        date_trunc('month', deals.created_date) as period_start,
        deals.created_pipeline_key,
        case when deals.is_won_at_home then (select max(step_number) from steps) else passed.furthest_step end as furthest_step,
        case
            when deals.deal_status in ('deleted', 'merged') then 'removed'
            when deals.deal_status = 'won' and not deals.is_won_at_home then 'won_elsewhere'
            else deals.deal_status
        end as fate,
        deals.*
    from deals
    left join passed on passed.deal_key = deals.deal_key

),

per_dimension as (

    select 'all' as dimension, 'all' as dimension_key, * from reached
    union all
    select 'pipeline', cast(created_pipeline_key as varchar), * from reached

),

counted as (

    select
        deals.period_start, deals.dimension, deals.dimension_key, steps.step_name,
        count(case when deals.has_complete_history then 1 end) as cohort_count,
        count(case when not deals.has_complete_history then 1 end) as incomplete_history_count,
        count(case when deals.has_complete_history and (deals.is_mid_funnel_entry or deals.is_created_closed) then 1 end) as mid_funnel_entry_count,
        count(case when deals.has_complete_history and (deals.furthest_step >= steps.step_number or (steps.step_kind = 'unmapped' and deals.furthest_step is null)) then 1 end)
            as reached_count,
        coalesce(sum(case when deals.has_complete_history and (deals.furthest_step >= steps.step_number or (steps.step_kind = 'unmapped' and deals.furthest_step is null))
            then deals.booked_amount end), 0) as reached_amount,
        count(case when deals.has_complete_history and deals.is_unconverted
            and (deals.furthest_step >= steps.step_number or (steps.step_kind = 'unmapped' and deals.furthest_step is null)) then 1 end) as unconverted_count
        {% for fate in ['open', 'lost', 'removed', 'won_elsewhere'] -%}
        , count(case when deals.has_complete_history and deals.furthest_step is not distinct from steps.step_number and deals.fate = '{{ fate }}' then 1 end) as {{ fate }}_here_count
        {% endfor %}
    from per_dimension as deals
    cross join steps
    group by 1, 2, 3, 4

)

select
    counted.period_start, counted.dimension, counted.dimension_key, counted.step_name,
    funnel.reached_count, counted.reached_count as counted_deals, funnel.cohort_count, counted.cohort_count as counted_cohort,
    'A deal was placed at a step that it did not reach, or stands in another month or pipeline: look at mart_sales__funnel_cohorts.' as likely_cause
from counted
full join (select * from {{ ref('mart_sales__funnel') }} where period_grain = 'month') as funnel
    on funnel.period_start = counted.period_start and funnel.dimension = counted.dimension and funnel.dimension_key = counted.dimension_key
    and funnel.step_name = counted.step_name
where
    counted.step_name is null
    or funnel.step_name is null
    or funnel.cohort_count <> counted.cohort_count
    or funnel.incomplete_history_count <> counted.incomplete_history_count
    or funnel.mid_funnel_entry_count <> counted.mid_funnel_entry_count
    or (funnel.step_kind = 'unmapped' and funnel.previous_count is not null)
    or (funnel.is_measured and (
        funnel.reached_count <> counted.reached_count
        or funnel.reached_amount <> counted.reached_amount
        or funnel.unconverted_count <> counted.unconverted_count
    ))
    {% for fate in ['open', 'lost', 'removed', 'won_elsewhere'] -%}
    or funnel.{{ fate }}_here_count <> counted.{{ fate }}_here_count
    {% endfor %}
