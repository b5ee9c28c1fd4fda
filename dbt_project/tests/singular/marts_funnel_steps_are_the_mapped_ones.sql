-- Every step of the funnel stands once for the whole company and once for each pipeline, and counts as measured where a stage is mapped to it.
with stages as (

    select pipeline_key, funnel_step
    from {{ ref('dim_stages') }}
    where is_current and not is_deleted and open_rank is not null and stage_kind in ('open', 'won')

),

places as (

    select steps.dimension, steps.dimension_key, steps.step_name, count(*) as row_count,
        max(cast(steps.is_measured as integer)) as measured, max(steps.unmapped_stage_count) as unmapped_count, max(steps.step_kind) as step_kind
    from {{ ref('mart_sales__funnel_steps') }} as steps
    group by 1, 2, 3

)

select
    places.*,
    'A step is doubled, or told to be measured where no stage is mapped to it: look at mart_sales__funnel_steps and the seed stage_funnel_steps.' as likely_cause
from places
where
    places.row_count <> 1
    or places.step_kind not in ('step', 'won', 'unmapped')
    or (places.step_kind <> 'step' and places.step_name <> places.step_kind)
    or places.measured <> case
        when places.step_kind <> 'step' then 1
        when exists (
            select 1 from stages
            where stages.funnel_step = places.step_name and places.dimension_key in ('all', cast(stages.pipeline_key as varchar))
        ) then 1
        else 0
    end
    or places.unmapped_count <> (
        select count(*) from stages
        where stages.funnel_step = 'unmapped' and places.dimension_key in ('all', cast(stages.pipeline_key as varchar))
    )
union all
select 'pipeline', cast(pipelines.pipeline_key as varchar), null, count(steps.step_name), 0, 0, null, 'A pipeline lacks steps, or the won and the unmapped row are not there.'
from {{ ref('dim_pipelines') }} as pipelines
left join {{ ref('mart_sales__funnel_steps') }} as steps on steps.dimension_key = cast(pipelines.pipeline_key as varchar)
group by pipelines.pipeline_key
having
    count(steps.step_name) <> (select count(*) from {{ ref('mart_sales__funnel_steps') }} where dimension = 'all')
    or max(steps.step_number) is distinct from max(case when steps.step_kind = 'won' then steps.step_number end)
    or max(steps.step_number) <> count(steps.step_number)
    or count(case when steps.step_kind = 'unmapped' and steps.step_number is null then 1 end) <> 1
