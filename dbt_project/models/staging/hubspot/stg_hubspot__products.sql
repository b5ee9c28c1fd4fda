with

source as (

    select
        {{ envelope() }},
        json_transform(payload, '{
            "createdAt": "VARCHAR",
            "properties": {"name": "VARCHAR", "hs_sku": "VARCHAR", "product_line": "VARCHAR", "price": "VARCHAR"}
        }') as product
    from {{ source('raw', 'hubspot__products') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as product_id,
        nullif(product.properties.name, '') as name,
        nullif(product.properties.hs_sku, '') as hs_sku,
        nullif(product.properties.product_line, '') as product_line,
        try_cast(product.properties.price as decimal(18, 2)) as price
    from source

)

select * from renamed
