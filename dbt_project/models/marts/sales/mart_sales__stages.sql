with leaving as (

    select
        stage_key,
        count(*) as left_count,
        {{ quantile('hours_in_stage', '0.9') }} / 24 as p90_days_to_leave
    from {{ ref('fct_deal_stage_visits') }}
    where stage_kind = 'open' and not is_transient and hours_in_stage is not null
    group by stage_key

)

select
    stages.stage_key,
    stages.pipeline_key,
    coalesce(pipelines.pipeline_name, 'unknown') as pipeline_name,
    stages.source_system,
    stages.source_pipeline_id,
    stages.source_stage_id,
    stages.stage_name,
    stages.stage_order,
    stages.open_rank,
    stages.stage_kind,
    stages.is_active_stage,
    stages.funnel_step,
    stages.is_deleted,
    coalesce(leaving.left_count, 0) as left_count,
    leaving.p90_days_to_leave
from {{ ref('dim_stages') }} as stages
left join {{ ref('dim_pipelines') }} as pipelines on pipelines.pipeline_key = stages.pipeline_key
left join leaving on leaving.stage_key = stages.stage_key
where stages.is_current
