with

source as (

    select
        {{ envelope() }},
        json_transform(payload, '{
            "timeZone": "VARCHAR", "companyCurrency": "VARCHAR"
        }') as details
    from {{ source('raw', 'hubspot__account') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        details."timeZone" as time_zone,
        details."companyCurrency" as company_currency
    from source

)

select * from renamed
