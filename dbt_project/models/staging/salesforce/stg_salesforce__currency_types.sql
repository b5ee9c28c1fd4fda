with

source as (

    select
        {{ envelope(custom_in='') }},
        json_transform(payload, '{
            "IsoCode": "VARCHAR", "ConversionRate": "VARCHAR", "IsCorporate": "BOOLEAN"
        }') as currency
    from {{ source('raw', 'salesforce__currency_types') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as currency_type_id,
        currency."IsoCode" as iso_code,
        {{ number_of("currency.ConversionRate") }} as conversion_rate,
        coalesce(currency."IsCorporate", false) as is_corporate
    from source

)

select * from renamed
