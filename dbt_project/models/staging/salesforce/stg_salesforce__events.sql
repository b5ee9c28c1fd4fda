with

source as (

    select
        {{ envelope(custom_in='') }},
        json_transform(payload, '{
            "WhoId": "VARCHAR", "WhatId": "VARCHAR", "OwnerId": "VARCHAR", "CreatedById": "VARCHAR", "Type": "VARCHAR",
            "StartDateTime": "VARCHAR", "ActivityDate": "VARCHAR", "CreatedDate": "VARCHAR"
        }') as event
    from {{ source('raw', 'salesforce__events') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as event_id,
        event."WhoId" as who_id,
        event."WhatId" as what_id,
        event."OwnerId" as owner_id,
        event."CreatedById" as created_by_id,
        event."Type" as type,
        {{ instant_of("event.StartDateTime") }} as start_date_time,
        {{ date_of("event.ActivityDate") }} as activity_date,
        {{ instant_of("event.CreatedDate") }} as created_date
    from source

)

select * from renamed
