with

source as (

    select
        {{ envelope() }},
        json_transform(payload, '{
            "fromCurrencyCode": "VARCHAR", "toCurrencyCode": "VARCHAR", "conversionRate": "DECIMAL(20,12)", "effectiveAt": "VARCHAR"
        }') as rate
    from {{ source('raw', 'hubspot__exchange_rates') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as exchange_rate_id,
        rate."fromCurrencyCode" as from_currency_code,
        rate."toCurrencyCode" as to_currency_code,
        rate."conversionRate" as conversion_rate,
        {{ instant_of('rate."effectiveAt"') }} as effective_at
    from source

)

select * from renamed
