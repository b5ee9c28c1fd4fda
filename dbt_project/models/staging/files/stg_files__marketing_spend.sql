with

source as (

    select
        {{ envelope(custom_in='') }},
        json_transform(payload, '{
            "date": "VARCHAR", "channel": "VARCHAR", "amount": "VARCHAR", "currency_code": "VARCHAR",
            "campaign_id": "VARCHAR"
        }') as entry
    from {{ source('raw', 'files__marketing_spend') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        cast(entry."date" as date) as "date",
        entry.channel as channel,
        cast(entry.amount as decimal(18, 2)) as amount,
        entry.currency_code as currency_code,
        entry.campaign_id as campaign_id
    from source

)

select * from renamed
