with

source as (

    select
        {{ envelope(custom_in='') }},
        json_transform(payload, '{
            "pipeline_id": "VARCHAR", "stage_id": "VARCHAR", "stage_name": "VARCHAR", "stage_order": "VARCHAR",
            "stage_kind": "VARCHAR", "is_active_stage": "VARCHAR", "funnel_step": "VARCHAR",
            "default_probability": "VARCHAR"
        }') as entry
    from {{ source('raw', 'files__stages') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        entry.pipeline_id as pipeline_id,
        entry.stage_id as stage_id,
        entry.stage_name as stage_name,
        cast(entry.stage_order as bigint) as stage_order,
        entry.stage_kind as stage_kind,
        coalesce(cast(entry.is_active_stage as boolean), true) as is_active_stage,
        entry.funnel_step as funnel_step,
        cast(entry.default_probability as double) as default_probability
    from source

)

select * from renamed
