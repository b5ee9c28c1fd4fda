with

source as (

    select
        {{ envelope(custom_in='') }},
        json_transform(payload, '{
            "company_id": "VARCHAR", "company_name": "VARCHAR", "industry": "VARCHAR", "country": "VARCHAR",
            "employee_count": "VARCHAR", "created_at": "VARCHAR", "is_target": "VARCHAR",
            "customer_lost_at": "VARCHAR", "referred_by_company_id": "VARCHAR"
        }') as entry
    from {{ source('raw', 'files__companies') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        entry.company_id as company_id,
        entry.company_name as company_name,
        entry.industry as industry,
        entry.country as country,
        cast(entry.employee_count as bigint) as employee_count,
        cast(entry.created_at as timestamp) as created_at,
        coalesce(cast(entry.is_target as boolean), false) as is_target,
        cast(entry.customer_lost_at as timestamp) as customer_lost_at,
        entry.referred_by_company_id as referred_by_company_id
    from source

)

select * from renamed
