with

source as (

    select
        {{ envelope() }},
        json_transform(payload, '{"code": "VARCHAR", "name": "VARCHAR", "active_flag": "BOOLEAN"}') as currency
    from {{ source('raw', 'pipedrive__currencies') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as currency_id,
        currency.code as code,
        currency.name as name,
        coalesce(currency.active_flag, true) as is_active
    from source

)

select * from renamed
