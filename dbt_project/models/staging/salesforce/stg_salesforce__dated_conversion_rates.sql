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
        try_cast(rate."StartDate" as date) as start_date,
        try_cast(rate."NextStartDate" as date) as next_start_date,
        try_cast(rate."ConversionRate" as double) as conversion_rate
    from source

)

select * from renamed
