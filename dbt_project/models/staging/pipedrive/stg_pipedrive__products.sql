with

source as (

    select
        {{ envelope(custom_in='custom_fields') }},
        json_transform(payload, '{"name": "VARCHAR", "code": "VARCHAR", "category": "VARCHAR", "is_deleted": "BOOLEAN"}') as product
    from {{ source('raw', 'pipedrive__products') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as product_id,
        product.name as name,
        product.code as code,
        product.category as category,
        coalesce(product.is_deleted, false) as is_deleted
    from source

)

select * from renamed
