with stages as (

    select pipeline_key, open_rank, funnel_step, funnel_step <> 'unmapped' as is_mapped_stage
    from {{ ref('mart_sales__stages') }}
    where stage_kind in ('open', 'won') and open_rank is not null and not is_deleted

),

preset as (

    select step_number, step_name
    from {{ ref('funnel_presets') }}
    where funnel_preset = '{{ var("funnel_preset") }}'

),

-- a company's own steps follow the preset's, in the order of its stages
own_steps as (

    select 100 + min(stages.open_rank) as step_number, stages.funnel_step as step_name
    from stages
    left join preset on preset.step_name = stages.funnel_step
    where stages.is_mapped_stage and preset.step_name is null
    group by stages.funnel_step

),

measured_steps as (

    select cast(step_number as bigint) as step_number, step_name, 'step' as step_kind from preset

    union all

    select step_number, step_name, 'step' from own_steps

),

steps as (

    select step_number, step_name, step_kind from measured_steps

    union all

    select coalesce(max(step_number), 0) + 1, 'won', 'won' from measured_steps

    union all

    select null, 'unmapped', 'unmapped'

),

pipelines as (

    select 'all' as dimension, 'all' as dimension_key, pipeline_key from {{ ref('dim_pipelines') }}

    union all

    select 'pipeline', cast(pipeline_key as varchar), pipeline_key from {{ ref('dim_pipelines') }}

)

select
    pipelines.dimension,
    pipelines.dimension_key,
    steps.step_number,
    steps.step_name,
    steps.step_kind,
    steps.step_kind <> 'step' or count(stages.pipeline_key) filter (where stages.funnel_step = steps.step_name) > 0
        as is_measured,
    count(stages.pipeline_key) filter (where not stages.is_mapped_stage) as unmapped_stage_count
from pipelines
cross join steps
left join stages on stages.pipeline_key = pipelines.pipeline_key
group by 1, 2, 3, 4, 5
