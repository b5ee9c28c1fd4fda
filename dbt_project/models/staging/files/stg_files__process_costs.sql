with

source as (

    select
        {{ envelope(custom_in='') }},
        json_transform(payload, '{
            "period_start": "VARCHAR", "period_end": "VARCHAR", "process": "VARCHAR", "amount": "VARCHAR",
            "currency_code": "VARCHAR"
        }') as entry
    from {{ source('raw', 'files__process_costs') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        cast(entry.period_start as date) as period_start,
        cast(entry.period_end as date) as period_end,
        entry.process as process,
        cast(entry.amount as decimal(18, 2)) as amount,
        entry.currency_code as currency_code
    from source

)

select * from renamed
