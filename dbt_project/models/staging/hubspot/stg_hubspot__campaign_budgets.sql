with

source as (

    select
        {{ envelope() }},
        json_transform(payload, '{
            "currencyCode": "VARCHAR", "budgetTotal": "DECIMAL(18,2)", "spendTotal": "DECIMAL(18,2)",
            "budgetItems": [{"id": "VARCHAR", "name": "VARCHAR", "amount": "DECIMAL(18,2)", "createdAt": "BIGINT"}],
            "spendItems": [{"id": "VARCHAR", "name": "VARCHAR", "amount": "DECIMAL(18,2)", "createdAt": "BIGINT"}]
        }') as budget
    from {{ source('raw', 'hubspot__campaign_budgets') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as campaign_id,
        budget."currencyCode" as currency_code,
        budget."budgetTotal" as budget_total,
        budget."spendTotal" as spend_total,
        budget."budgetItems" as budget_items,
        budget."spendItems" as spend_items
    from source

)

select * from renamed
