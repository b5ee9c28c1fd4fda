with

source as (

    select
        {{ envelope() }},
        json_transform(payload, '{
            "OpportunityId": "VARCHAR", "Field": "VARCHAR", "DataType": "VARCHAR", "OldValue": "VARCHAR",
            "NewValue": "VARCHAR", "CreatedDate": "VARCHAR"
        }') as entry
    from {{ source('raw', 'salesforce__opportunity_field_history') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as history_id,
        entry."OpportunityId" as opportunity_id,
        entry."Field" as field,
        entry."DataType" as data_type,
        entry."OldValue" as old_value,
        entry."NewValue" as new_value,
        {{ instant_of("entry.CreatedDate") }} as created_date
    from source

)

select * from renamed
