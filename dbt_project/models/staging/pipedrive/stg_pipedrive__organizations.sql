with

source as (

    select
        {{ envelope(custom_in='custom_fields') }},
        json_transform(payload, '{
            "name": "VARCHAR", "owner_id": "VARCHAR", "add_time": "VARCHAR", "employee_count": "VARCHAR", "address": {"country": "VARCHAR"}
        }') as organization
    from {{ source('raw', 'pipedrive__organizations') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as organization_id,
        organization.name as name,
        organization.owner_id as owner_id,
        organization.address.country as address_country,
        try_cast(organization.employee_count as bigint) as employee_count,
        {{ instant_of("organization.add_time") }} as add_time
    from source

)

select * from renamed
