with

source as (

    select
        {{ envelope() }},
        json_transform(payload, '{"products": [{
            "id": "VARCHAR", "product_id": "VARCHAR", "quantity": "VARCHAR", "sum": "VARCHAR", "currency": "VARCHAR", "is_enabled": "BOOLEAN"
        }]}') as deal
    from {{ source('raw', 'pipedrive__deal_products') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as deal_id,
        deal.products as products
    from source

)

select * from renamed
