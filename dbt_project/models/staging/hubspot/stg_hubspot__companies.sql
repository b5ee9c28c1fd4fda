with

source as (

    select
        {{ envelope(custom_in='properties') }},
        json_transform(payload, '{
            "createdAt": "VARCHAR",
            "properties": {
                "name": "VARCHAR", "industry": "VARCHAR", "country": "VARCHAR", "numberofemployees": "VARCHAR", "createdate": "VARCHAR",
                "hs_is_target_account": "VARCHAR", "hs_merged_object_ids": "VARCHAR"
            }
        }') as company
    from {{ source('raw', 'hubspot__companies') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as company_id,
        company.properties.name as name,
        nullif(company.properties.industry, '') as industry,
        nullif(company.properties.country, '') as country,
        try_cast(company.properties.numberofemployees as bigint) as numberofemployees,
        company.properties.hs_is_target_account is not distinct from 'true' as hs_is_target_account,
        nullif(company.properties.hs_merged_object_ids, '') as hs_merged_object_ids,
        {{ instant_of("coalesce(nullif(company.properties.createdate, ''), company.createdAt)") }} as createdate
    from source

)

select * from renamed
