with

source as (

    select
        {{ envelope(custom_in='') }},
        json_transform(payload, '{
            "payment_id": "VARCHAR", "deal_id": "VARCHAR", "paid_at": "VARCHAR", "amount": "VARCHAR",
            "currency_code": "VARCHAR"
        }') as entry
    from {{ source('raw', 'files__payments') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        entry.payment_id as payment_id,
        entry.deal_id as deal_id,
        cast(entry.paid_at as timestamp) as paid_at,
        cast(entry.amount as decimal(18, 2)) as amount,
        entry.currency_code as currency_code
    from source

)

select * from renamed
