with

source as (

    select
        {{ envelope(custom_in='') }},
        json_transform(payload, '{
            "QuotaOwnerId": "VARCHAR", "QuotaAmount": "VARCHAR", "StartDate": "VARCHAR", "PeriodId": "VARCHAR",
            "CurrencyIsoCode": "VARCHAR"
        }') as quota
    from {{ source('raw', 'salesforce__forecasting_quotas') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as quota_id,
        quota."QuotaOwnerId" as quota_owner_id,
        try_cast(quota."QuotaAmount" as decimal(18, 2)) as quota_amount,
        {{ date_of("quota.StartDate") }} as start_date,
        quota."PeriodId" as period_id,
        quota."CurrencyIsoCode" as currency_iso_code
    from source

)

select * from renamed
