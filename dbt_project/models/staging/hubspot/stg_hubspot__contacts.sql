with

source as (

    select
        {{ envelope(custom_in='properties') }},
        json_transform(payload, '{
            "createdAt": "VARCHAR",
            "properties": {
                "firstname": "VARCHAR", "lastname": "VARCHAR", "email": "VARCHAR", "phone": "VARCHAR", "createdate": "VARCHAR",
                "hs_legal_basis": "VARCHAR", "hs_merged_object_ids": "VARCHAR"
            },
            "associations": {"companies": ["VARCHAR"]}
        }') as contact
    from {{ source('raw', 'hubspot__contacts') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as contact_id,
        contact.properties.firstname as firstname,
        contact.properties.lastname as lastname,
        nullif(contact.properties.email, '') as email,
        nullif(contact.properties.phone, '') as phone,
        nullif(contact.properties.hs_legal_basis, '') as hs_legal_basis,
        nullif(contact.properties.hs_merged_object_ids, '') as hs_merged_object_ids,
        contact.associations.companies[1] as company_id,
        {{ instant_of("coalesce(nullif(contact.properties.createdate, ''), contact.createdAt)") }} as createdate
    from source

)

select * from renamed
