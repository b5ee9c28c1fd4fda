with

source as (

    select
        {{ envelope(custom_in='') }},
        json_transform(payload, '{
            "IsoCode": "VARCHAR", "StartDate": "VARCHAR", "NextStartDate": "VARCHAR", "ConversionRate": "VARCHAR"
        }') as rate
    from {{ source('raw', 'salesforce__dated_conversion_rates') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as rate_id,
        rate."IsoCode" as iso_code,
        {{ date_of("rate.StartDate") }} as start_date,
        {{ date_of("rate.NextStartDate") }} as next_start_date,
        {{ number_of("rate.ConversionRate") }} as conversion_rate
    from source

)

select * from renamed
