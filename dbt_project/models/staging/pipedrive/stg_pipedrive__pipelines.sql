with

source as (

    select
        {{ envelope() }},
        json_transform(payload, '{"name": "VARCHAR", "order_nr": "BIGINT", "is_deleted": "BOOLEAN"}') as pipeline
    from {{ source('raw', 'pipedrive__pipelines') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as pipeline_id,
        pipeline.name as name,
        pipeline.order_nr as order_nr,
        coalesce(pipeline.is_deleted, false) as is_deleted
    from source

)

select * from renamed
