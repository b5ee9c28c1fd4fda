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
        {{ date_of("campaign.StartDate") }} as start_date,
        {{ date_of("campaign.EndDate") }} as end_date
    from source

)

select * from renamed
