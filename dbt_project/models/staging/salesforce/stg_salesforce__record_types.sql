with

source as (

    select
        {{ envelope(custom_in='') }},
        json_transform(payload, '{
            "Name": "VARCHAR", "IsActive": "BOOLEAN", "StageNames": ["VARCHAR"]
        }') as record_type
    from {{ source('raw', 'salesforce__record_types') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as record_type_id,
        record_type."Name" as name,
        coalesce(record_type."IsActive", false) as is_active,
        record_type."StageNames" as stage_names
    from source

)

select * from renamed
