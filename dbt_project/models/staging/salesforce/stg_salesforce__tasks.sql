with

source as (

    select
        {{ envelope(custom_in='') }},
        json_transform(payload, '{
            "WhoId": "VARCHAR", "WhatId": "VARCHAR", "OwnerId": "VARCHAR", "CreatedById": "VARCHAR",
            "TaskSubtype": "VARCHAR", "Status": "VARCHAR", "CallType": "VARCHAR", "CallDisposition": "VARCHAR",
            "Is_Incoming__c": "BOOLEAN", "ActivityDate": "VARCHAR", "CompletedDateTime": "VARCHAR",
            "CreatedDate": "VARCHAR"
        }') as task
    from {{ source('raw', 'salesforce__tasks') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as task_id,
        task."WhoId" as who_id,
        task."WhatId" as what_id,
        task."OwnerId" as owner_id,
        task."CreatedById" as created_by_id,
        task."TaskSubtype" as task_subtype,
        task."Status" as status,
        task."CallType" as call_type,
        task."CallDisposition" as call_disposition,
        coalesce(task."Is_Incoming__c", false) as is_incoming,
        {{ date_of("task.ActivityDate") }} as activity_date,
        {{ instant_of("task.CompletedDateTime") }} as completed_date_time,
        {{ instant_of("task.CreatedDate") }} as created_date
    from source

)

select * from renamed
