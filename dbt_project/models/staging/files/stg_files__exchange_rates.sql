with

source as (

    select
        {{ envelope(custom_in='') }},
        json_transform(payload, '{
            "date": "VARCHAR", "from_currency": "VARCHAR", "to_currency": "VARCHAR", "rate": "VARCHAR"
        }') as entry
    from {{ source('raw', 'files__exchange_rates') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        cast(entry."date" as date) as "date",
        entry.from_currency as from_currency,
        entry.to_currency as to_currency,
        cast(entry.rate as decimal(20, 12)) as rate
    from source

)

select * from renamed
