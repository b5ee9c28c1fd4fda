with

source as (

    select
        {{ envelope(custom_in='') }},
        json_transform(payload, '{
            "Name": "VARCHAR", "Family": "VARCHAR", "IsActive": "BOOLEAN"
        }') as product
    from {{ source('raw', 'salesforce__products') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as product_id,
        product."Name" as name,
        product."Family" as family,
        coalesce(product."IsActive", false) as is_active
    from source

)

select * from renamed
