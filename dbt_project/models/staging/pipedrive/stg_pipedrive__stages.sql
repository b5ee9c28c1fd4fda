with

source as (

    select
        {{ envelope() }},
        json_transform(payload, '{"pipeline_id": "VARCHAR", "name": "VARCHAR", "order_nr": "BIGINT", "deal_probability": "DOUBLE", "is_deleted": "BOOLEAN"}') as stage
    from {{ source('raw', 'pipedrive__stages') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as stage_id,
        stage.pipeline_id as pipeline_id,
        stage.name as name,
        stage.order_nr as order_nr,
        stage.deal_probability as deal_probability,
        coalesce(stage.is_deleted, false) as is_deleted
    from source

)

select * from renamed
