with

source as (

    select
        {{ envelope(custom_in='') }},
        json_transform(payload, '{
            "Name": "VARCHAR", "Type": "VARCHAR", "ActualCost": "VARCHAR", "BudgetedCost": "VARCHAR",
            "CurrencyIsoCode": "VARCHAR", "StartDate": "VARCHAR", "EndDate": "VARCHAR"
        }') as campaign
    from {{ source('raw', 'salesforce__campaigns') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as campaign_id,
        campaign."Name" as name,
        campaign."Type" as type,
        try_cast(campaign."ActualCost" as decimal(18, 2)) as actual_cost,
        try_cast(campaign."BudgetedCost" as decimal(18, 2)) as budgeted_cost,
        campaign."CurrencyIsoCode" as currency_iso_code,
        try_cast(campaign."StartDate" as date) as start_date,
        try_cast(campaign."EndDate" as date) as end_date
    from source

)

select * from renamed
