with

source as (

    select
        {{ envelope() }},
        json_transform(payload, '{
            "properties": {
                "hs_name": "VARCHAR", "hs_start_date": "VARCHAR", "hs_end_date": "VARCHAR", "hs_campaign_status": "VARCHAR",
                "hs_currency_code": "VARCHAR", "hs_utm": "VARCHAR", "hs_budget_items_sum_amount": "VARCHAR",
                "hs_spend_items_sum_amount": "VARCHAR"
            }
        }') as campaign
    from {{ source('raw', 'hubspot__campaigns') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as campaign_id,
        nullif(campaign.properties.hs_name, '') as hs_name,
        {{ date_of('campaign.properties.hs_start_date') }} as hs_start_date,
        {{ date_of('campaign.properties.hs_end_date') }} as hs_end_date,
        nullif(campaign.properties.hs_campaign_status, '') as hs_campaign_status,
        nullif(campaign.properties.hs_currency_code, '') as hs_currency_code,
        nullif(campaign.properties.hs_utm, '') as hs_utm,
        try_cast(campaign.properties.hs_budget_items_sum_amount as decimal(18, 2)) as hs_budget_items_sum_amount,
        try_cast(campaign.properties.hs_spend_items_sum_amount as decimal(18, 2)) as hs_spend_items_sum_amount
    from source

)

select * from renamed
