{{ config(severity='warn') }}
-- No stage comes before another in its pipeline and after it in the funnel: its deals would count as past steps that lie ahead of them.
with stages as (

    select
        stages.pipeline_key, stages.pipeline_name, steps.step_number, steps.step_name, min(stages.open_rank) as first_rank,
        min_by(stages.stage_name, stages.open_rank) as stage_name
    from {{ ref('mart_sales__stages') }} as stages
    inner join {{ ref('mart_sales__funnel_steps') }} as steps
        on steps.dimension = 'all' and steps.step_kind = 'step' and steps.step_name = stages.funnel_step
    where stages.stage_kind in ('open', 'won') and not stages.is_deleted
    group by 1, 2, 3, 4

)

select
    earlier.pipeline_name, earlier.stage_name, earlier.step_name, later.stage_name as later_stage_name, later.step_name as later_step_name,
    'In the pipeline "' || earlier.pipeline_name || '" the stage "' || earlier.stage_name || '" comes before "' || later.stage_name
        || '", but its funnel step "' || earlier.step_name || '" comes after "' || later.step_name || '": deals in it count as having reached both. '
        || 'Map one of the two to another step, or bring the stages into one order.' as likely_cause
from stages as earlier
inner join stages as later
    on later.pipeline_key = earlier.pipeline_key and later.first_rank > earlier.first_rank and later.step_number < earlier.step_number
