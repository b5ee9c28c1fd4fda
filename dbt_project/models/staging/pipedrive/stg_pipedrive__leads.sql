with

source as (

    select
        {{ envelope(custom_in='') }},
        json_transform(payload, '{
            "title": "VARCHAR", "owner_id": "VARCHAR", "person_id": "VARCHAR", "organization_id": "VARCHAR", "channel": "VARCHAR",
            "is_archived": "BOOLEAN", "add_time": "VARCHAR"
        }') as lead
    from {{ source('raw', 'pipedrive__leads') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as lead_id,
        lead.title as title,
        lead.owner_id as owner_id,
        lead.person_id as person_id,
        lead.organization_id as organization_id,
        lead.channel as channel,
        coalesce(lead.is_archived, false) as is_archived,
        {{ instant_of("lead.add_time") }} as add_time
    from source

)

select * from renamed
