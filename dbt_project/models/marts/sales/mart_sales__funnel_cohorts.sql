with mapped_stages as (

    select pipeline_key, open_rank, funnel_step
    from {{ ref('mart_sales__stages') }}
    where stage_kind in ('open', 'won') and funnel_step <> 'unmapped' and open_rank is not null and not is_deleted

),

steps as (

    select step_number, step_name, step_kind from {{ ref('mart_sales__funnel_steps') }} where dimension = 'all'

),

-- the furthest step of a place: a stage passed over counts as passed, whether mapped to a step or not
places as (

    select outcomes.created_pipeline_key as pipeline_key, outcomes.furthest_rank, max(steps.step_number) as furthest_step
    from (select distinct created_pipeline_key, furthest_rank from {{ ref('mart_sales__deal_outcomes') }}) as outcomes
    inner join mapped_stages
        on mapped_stages.pipeline_key = outcomes.created_pipeline_key
        and mapped_stages.open_rank <= outcomes.furthest_rank
    inner join steps on steps.step_name = mapped_stages.funnel_step and steps.step_kind = 'step'
    group by outcomes.created_pipeline_key, outcomes.furthest_rank

),

dimensions as (

    select distinct dimension from {{ ref('mart_metrics__dimension_values') }} where dimension in ('all', 'pipeline')

),

by_day as (

    select
        outcomes.created_date,
        dimensions.dimension,
        {{ dimension_key('dimensions.dimension', 'outcomes.created_pipeline_key') }} as dimension_key,
        -- won in the pipeline it was created in: every step is passed
        case
            when outcomes.deal_status = 'won' and outcomes.pipeline_key = outcomes.created_pipeline_key
                then (select max(step_number) from steps)
            else places.furthest_step
        end as furthest_step,
        outcomes.has_complete_history,
        case
            when outcomes.deal_status in ('deleted', 'merged') then 'removed'
            when outcomes.deal_status = 'won' and outcomes.pipeline_key <> outcomes.created_pipeline_key then 'won_elsewhere'
            else outcomes.deal_status
        end as fate,
        count(*) as deal_count,
        count(*) filter (where outcomes.is_mid_funnel_entry or outcomes.is_created_closed) as mid_funnel_entry_count,
        sum(outcomes.booked_amount) as amount,
        count(*) filter (where outcomes.is_unconverted) as unconverted_count
    from {{ ref('mart_sales__deal_outcomes') }} as outcomes
    cross join dimensions
    left join places
        on places.pipeline_key = outcomes.created_pipeline_key and places.furthest_rank = outcomes.furthest_rank
    group by 1, 2, 3, 4, 5, 6

)

select
    periods.period_grain,
    periods.period_start,
    periods.is_complete_period,
    by_day.dimension,
    by_day.dimension_key,
    by_day.furthest_step,
    by_day.has_complete_history,
    by_day.fate,
    cast(sum(by_day.deal_count) as bigint) as deal_count,
    cast(sum(by_day.mid_funnel_entry_count) as bigint) as mid_funnel_entry_count,
    cast(sum(by_day.amount) as decimal(18, 2)) as booked_amount,
    cast(sum(by_day.unconverted_count) as bigint) as unconverted_count
from by_day
inner join {{ ref('mart_metrics__periods') }} as periods on periods.calendar_date = by_day.created_date
group by 1, 2, 3, 4, 5, 6, 7, 8
