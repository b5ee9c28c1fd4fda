with

source as (

    select
        {{ envelope(custom_in='') }},
        json_transform(payload, '{
            "owner_id": "VARCHAR", "owner_name": "VARCHAR", "email": "VARCHAR", "team": "VARCHAR"
        }') as entry
    from {{ source('raw', 'files__owners') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        entry.owner_id as owner_id,
        entry.owner_name as owner_name,
        entry.email as email,
        entry.team as team
    from source

)

select * from renamed
