with

source as (

    select
        {{ envelope(custom_in='') }},
        json_transform(payload, '{
            "pipeline_id": "VARCHAR", "pipeline_name": "VARCHAR"
        }') as entry
    from {{ source('raw', 'files__pipelines') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        entry.pipeline_id as pipeline_id,
        entry.pipeline_name as pipeline_name
    from source

)

select * from renamed
