with

source as (

    select
        {{ envelope(custom_in='') }},
        json_transform(payload, '{
            "period_start": "VARCHAR", "period_end": "VARCHAR", "amount": "VARCHAR", "currency_code": "VARCHAR",
            "pipeline_id": "VARCHAR", "owner_id": "VARCHAR"
        }') as entry
    from {{ source('raw', 'files__quotas') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        cast(entry.period_start as date) as period_start,
        cast(entry.period_end as date) as period_end,
        cast(entry.amount as decimal(18, 2)) as amount,
        entry.currency_code as currency_code,
        entry.pipeline_id as pipeline_id,
        entry.owner_id as owner_id
    from source

)

select * from renamed
