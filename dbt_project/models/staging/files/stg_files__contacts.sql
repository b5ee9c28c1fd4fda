with

source as (

    select
        {{ envelope(custom_in='') }},
        json_transform(payload, '{
            "contact_id": "VARCHAR", "company_id": "VARCHAR", "full_name": "VARCHAR", "email": "VARCHAR",
            "phone": "VARCHAR", "legal_basis": "VARCHAR", "consent_at": "VARCHAR", "consent_withdrawn_at": "VARCHAR",
            "created_at": "VARCHAR"
        }') as entry
    from {{ source('raw', 'files__contacts') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        entry.contact_id as contact_id,
        entry.company_id as company_id,
        entry.full_name as full_name,
        entry.email as email,
        entry.phone as phone,
        entry.legal_basis as legal_basis,
        cast(entry.consent_at as timestamp) as consent_at,
        cast(entry.consent_withdrawn_at as timestamp) as consent_withdrawn_at,
        cast(entry.created_at as timestamp) as created_at
    from source

)

select * from renamed
