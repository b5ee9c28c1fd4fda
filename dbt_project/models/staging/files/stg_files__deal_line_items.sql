with

source as (

    select
        {{ envelope(custom_in='') }},
        json_transform(payload, '{
            "line_item_id": "VARCHAR", "deal_id": "VARCHAR", "product_id": "VARCHAR", "quantity": "VARCHAR",
            "amount": "VARCHAR", "currency_code": "VARCHAR"
        }') as entry
    from {{ source('raw', 'files__deal_line_items') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        entry.line_item_id as line_item_id,
        entry.deal_id as deal_id,
        entry.product_id as product_id,
        cast(entry.quantity as double) as quantity,
        cast(entry.amount as decimal(18, 2)) as amount,
        entry.currency_code as currency_code
    from source

)

select * from renamed
