with

source as (

    select
        {{ envelope() }},
        json_transform(payload, '{
            "OpportunityId": "VARCHAR", "StageName": "VARCHAR", "Amount": "VARCHAR", "CloseDate": "VARCHAR",
            "CreatedDate": "VARCHAR"
        }') as entry
    from {{ source('raw', 'salesforce__opportunity_history') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as history_id,
        entry."OpportunityId" as opportunity_id,
        entry."StageName" as stage_name,
        try_cast(entry."Amount" as decimal(18, 2)) as amount,
        {{ date_of("entry.CloseDate") }} as close_date,
        {{ instant_of("entry.CreatedDate") }} as created_date
    from source

)

select * from renamed
