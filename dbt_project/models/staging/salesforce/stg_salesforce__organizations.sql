with

source as (

    select
        {{ envelope(custom_in='') }},
        json_transform(payload, '{
            "Name": "VARCHAR", "DefaultCurrencyIsoCode": "VARCHAR", "TimeZoneSidKey": "VARCHAR"
        }') as organization
    from {{ source('raw', 'salesforce__organizations') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as organization_id,
        organization."Name" as name,
        organization."DefaultCurrencyIsoCode" as default_currency_iso_code,
        organization."TimeZoneSidKey" as time_zone_sid_key
    from source

)

select * from renamed
