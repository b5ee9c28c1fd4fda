with

source as (

    select
        {{ envelope() }},
        json_transform(payload, '{"id": "VARCHAR", "label": "VARCHAR", "displayOrder": "BIGINT", "archived": "BOOLEAN", "stages": ["JSON"]}') as pipeline
    from {{ source('raw', 'hubspot__lead_pipelines') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as pipeline_id,
        pipeline.label as label,
        pipeline."displayOrder" as display_order,
        coalesce(pipeline.archived, false) as archived,
        pipeline.stages as stages
    from source

)

select * from renamed
