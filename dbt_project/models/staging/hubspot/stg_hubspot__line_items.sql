with

source as (

    select
        {{ envelope() }},
        json_transform(payload, '{
            "createdAt": "VARCHAR",
            "properties": {
                "name": "VARCHAR", "hs_product_id": "VARCHAR", "quantity": "VARCHAR", "price": "VARCHAR", "amount": "VARCHAR",
                "hs_line_item_currency_code": "VARCHAR"
            },
            "associations": {"deals": ["VARCHAR"]}
        }') as line_item
    from {{ source('raw', 'hubspot__line_items') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as line_item_id,
        line_item.associations.deals[1] as deal_id,
        nullif(line_item.properties.hs_product_id, '') as hs_product_id,
        nullif(line_item.properties.name, '') as name,
        {{ number_of('line_item.properties.quantity') }} as quantity,
        try_cast(line_item.properties.price as decimal(18, 2)) as price,
        try_cast(line_item.properties.amount as decimal(18, 2)) as amount,
        nullif(line_item.properties.hs_line_item_currency_code, '') as hs_line_item_currency_code
    from source

)

select * from renamed
