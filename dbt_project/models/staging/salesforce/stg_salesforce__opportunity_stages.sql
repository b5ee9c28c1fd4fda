with

source as (

    select
        {{ envelope(custom_in='') }},
        json_transform(payload, '{
            "ApiName": "VARCHAR", "MasterLabel": "VARCHAR", "SortOrder": "VARCHAR", "IsActive": "BOOLEAN",
            "IsClosed": "BOOLEAN", "IsWon": "BOOLEAN", "DefaultProbability": "VARCHAR"
        }') as stage
    from {{ source('raw', 'salesforce__opportunity_stages') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as stage_id,
        stage."ApiName" as api_name,
        stage."MasterLabel" as master_label,
        try_cast(stage."SortOrder" as bigint) as sort_order,
        coalesce(stage."IsActive", false) as is_active,
        coalesce(stage."IsClosed", false) as is_closed,
        coalesce(stage."IsWon", false) as is_won,
        {{ number_of("stage.DefaultProbability") }} as default_probability
    from source

)

select * from renamed
