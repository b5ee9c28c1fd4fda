with

source as (

    select
        {{ envelope(custom_in='') }},
        json_transform(payload, '{
            "deal_id": "VARCHAR", "contact_id": "VARCHAR", "role": "VARCHAR"
        }') as entry
    from {{ source('raw', 'files__deal_contacts') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        entry.deal_id as deal_id,
        entry.contact_id as contact_id,
        entry.role as role
    from source

)

select * from renamed
