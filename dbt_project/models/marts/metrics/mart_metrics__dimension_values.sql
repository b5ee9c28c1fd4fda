with named as (

    select 'all' as dimension, 'all' as dimension_key, 'all' as plain_name, '' as source_name

    union all

    select 'pipeline', cast(pipeline_key as varchar), pipeline_name,
        source_system || ' ' || coalesce(source_pipeline_id, 'unknown')
    from {{ ref('dim_pipelines') }}

    union all

    select 'owner', cast(owner_key as varchar), owner_name, source_system || ' ' || coalesce(source_owner_id, 'unknown')
    from {{ ref('dim_owners') }}

    union all

    -- what is its own name
    select dimension, dimension_key, dimension_key, ''
    from {{ ref('mart_metrics__plain_members') }}

    union all

    select 'stage', cast(stage_key as varchar), pipeline_name || ': ' || stage_name,
        source_system || ' ' || coalesce(source_stage_id, 'unknown')
    from {{ ref('mart_sales__stages') }}

),

numbered as (

    select *, count(*) over (partition by dimension, plain_name) as namesakes
    from named

)

select
    dimension,
    dimension_key,
    -- two pipelines or sellers of one name stay apart in a BI tool
    case when namesakes = 1 then plain_name else plain_name || ' (' || source_name || ')' end as dimension_value
from numbered
