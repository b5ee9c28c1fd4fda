with

source as (

    select
        {{ envelope() }},
        json_transform(payload, '{
            "id": "VARCHAR", "email": "VARCHAR", "firstName": "VARCHAR", "lastName": "VARCHAR", "archived": "BOOLEAN",
            "userId": "VARCHAR", "userIdIncludingInactive": "VARCHAR",
            "teams": [{"name": "VARCHAR", "primary": "BOOLEAN"}]
        }') as owner
    from {{ source('raw', 'hubspot__owners') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as owner_id,
        owner.email as email,
        owner."firstName" as first_name,
        owner."lastName" as last_name,
        owner.teams[1].name as team_name,
        coalesce(owner.archived, false) as archived,
        coalesce(owner."userIdIncludingInactive", owner."userId") as user_id
    from source

)

select * from renamed
