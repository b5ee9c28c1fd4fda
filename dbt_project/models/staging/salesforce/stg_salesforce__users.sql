with

source as (

    select
        {{ envelope(custom_in='') }},
        json_transform(payload, '{
            "Name": "VARCHAR", "Email": "VARCHAR", "Department": "VARCHAR", "UserType": "VARCHAR", "IsActive": "BOOLEAN"
        }') as person
    from {{ source('raw', 'salesforce__users') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as user_id,
        person."Name" as name,
        person."Email" as email,
        person."Department" as department,
        person."UserType" as user_type,
        coalesce(person."IsActive", false) as is_active
    from source

)

select * from renamed
