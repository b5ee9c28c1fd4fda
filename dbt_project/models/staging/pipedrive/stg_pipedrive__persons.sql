with

source as (

    select
        {{ envelope(custom_in='custom_fields') }},
        json_transform(payload, '{
            "name": "VARCHAR", "owner_id": "VARCHAR", "org_id": "VARCHAR", "add_time": "VARCHAR",
            "emails": [{"value": "VARCHAR", "primary": "BOOLEAN"}], "phones": [{"value": "VARCHAR", "primary": "BOOLEAN"}]
        }') as person
    from {{ source('raw', 'pipedrive__persons') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as person_id,
        person.name as name,
        person.owner_id as owner_id,
        person.org_id as org_id,
        person.emails as emails,
        person.phones as phones,
        {{ instant_of("person.add_time") }} as add_time
    from source

)

select * from renamed
