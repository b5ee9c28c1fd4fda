with

source as (

    select
        {{ envelope(custom_in='') }},
        json_transform(payload, '{
            "OpportunityId": "VARCHAR", "Product2Id": "VARCHAR", "Quantity": "VARCHAR", "TotalPrice": "VARCHAR",
            "CurrencyIsoCode": "VARCHAR"
        }') as item
    from {{ source('raw', 'salesforce__opportunity_line_items') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as line_item_id,
        item."OpportunityId" as opportunity_id,
        item."Product2Id" as product_id,
        try_cast(item."Quantity" as decimal(18, 2)) as quantity,
        try_cast(item."TotalPrice" as decimal(18, 2)) as total_price,
        item."CurrencyIsoCode" as currency_iso_code
    from source

)

select * from renamed
