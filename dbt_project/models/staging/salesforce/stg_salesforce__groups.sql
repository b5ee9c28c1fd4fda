with

source as (

    select
        {{ envelope(custom_in='') }},
        json_transform(payload, '{
            "Name": "VARCHAR", "Type": "VARCHAR"
        }') as queue
    from {{ source('raw', 'salesforce__groups') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as group_id,
        queue."Name" as name,
        queue."Type" as type
    from source

)

select * from renamed
