with stages as (

    select pipeline_key, open_rank, funnel_step, funnel_step <> 'unmapped' as is_mapped_stage
    from {{ ref('mart_sales__stages') }}
    where stage_kind in ('open', 'won') and open_rank is not null and not is_deleted

),

{% if var("funnel_preset") == 'own' -%}
own_names as (

    select pipeline_key, funnel_step as step_name, min(open_rank) as first_rank
    from stages
    where is_mapped_stage
    group by pipeline_key, funnel_step

),

-- which step stands before which in some pipeline, then by way of a third step in another, and so on
before_0 as (

    select distinct earlier.step_name as earlier_name, later.step_name as later_name
    from own_names as earlier
    inner join own_names as later on later.pipeline_key = earlier.pipeline_key and later.first_rank > earlier.first_rank

),

{% for round in [1, 2, 3] -%}
before_{{ round }} as (

    select earlier_name, later_name from before_{{ round - 1 }}

    union

    select earlier.earlier_name, later.later_name
    from before_{{ round - 1 }} as earlier
    inner join before_{{ round - 1 }} as later on later.earlier_name = earlier.later_name

),

{% endfor -%}
-- in the order of the stages: a step that stands before another has fewer before it
measured_steps as (

    select
        row_number() over (order by count(distinct earlier_names.earlier_name), min(names.first_rank), names.step_name) as step_number,
        names.step_name,
        'step' as step_kind
    from own_names as names
    left join before_3 as earlier_names on earlier_names.later_name = names.step_name
    group by names.step_name

),
{%- else -%}
measured_steps as (

    select cast(step_number as bigint) as step_number, step_name, 'step' as step_kind
    from {{ ref('funnel_presets') }}
    where funnel_preset = '{{ var("funnel_preset") }}'

),
{%- endif %}

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
