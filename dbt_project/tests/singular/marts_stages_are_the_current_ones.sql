-- mart_sales__stages holds the current row of every stage of dim_stages, word for word.
with told as (

    select
        stage_key, pipeline_key, source_system, source_pipeline_id, source_stage_id, stage_name, stage_order, open_rank, stage_kind,
        is_active_stage, funnel_step, is_deleted
    from {{ ref('mart_sales__stages') }}

),

held as (

    select
        stage_key, pipeline_key, source_system, source_pipeline_id, source_stage_id, stage_name, stage_order, open_rank, stage_kind,
        is_active_stage, funnel_step, is_deleted
    from {{ ref('dim_stages') }}
    qualify row_number() over (partition by stage_key order by valid_from desc) = 1

)

select 'only in mart_sales__stages' as where_it_stands, *, 'A stage shows an earlier state, is missing or doubled.' as likely_cause
from (select * from told except all select * from held)
union all
select 'not in mart_sales__stages', *, 'A stage shows an earlier state, is missing or doubled.'
from (select * from held except all select * from told)
union all
select 'without the name of its pipeline', stages.stage_key, stages.pipeline_key, stages.source_system, stages.source_pipeline_id, stages.source_stage_id,
    stages.stage_name, stages.stage_order, stages.open_rank, stages.stage_kind, stages.is_active_stage, stages.funnel_step, stages.is_deleted,
    'The stage shows another name of its pipeline than dim_pipelines does.'
from {{ ref('mart_sales__stages') }} as stages
left join {{ ref('dim_pipelines') }} as pipelines on pipelines.pipeline_key = stages.pipeline_key
where stages.pipeline_name is distinct from coalesce(pipelines.pipeline_name, 'unknown')
