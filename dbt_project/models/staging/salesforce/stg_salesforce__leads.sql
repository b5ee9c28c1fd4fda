with

source as (

    select
        {{ envelope(custom_in='') }},
        json_transform(payload, '{
            "FirstName": "VARCHAR", "LastName": "VARCHAR", "Email": "VARCHAR", "Company": "VARCHAR", "Status": "VARCHAR",
            "LeadSource": "VARCHAR", "Lead_Direction__c": "VARCHAR", "Disqualified_Reason__c": "VARCHAR",
            "OwnerId": "VARCHAR", "IsConverted": "BOOLEAN", "ConvertedDate": "VARCHAR", "ConvertedAccountId": "VARCHAR",
            "ConvertedContactId": "VARCHAR", "ConvertedOpportunityId": "VARCHAR", "MasterRecordId": "VARCHAR",
            "CreatedDate": "VARCHAR"
        }') as lead
    from {{ source('raw', 'salesforce__leads') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as lead_id,
        lead."FirstName" as first_name,
        lead."LastName" as last_name,
        lead."Email" as email,
        lead."Company" as company,
        lead."Status" as status,
        lead."LeadSource" as lead_source,
        lead."Lead_Direction__c" as lead_direction,
        lead."Disqualified_Reason__c" as disqualified_reason,
        lead."OwnerId" as owner_id,
        coalesce(lead."IsConverted", false) as is_converted,
        {{ date_of("lead.ConvertedDate") }} as converted_date,
        lead."ConvertedAccountId" as converted_account_id,
        lead."ConvertedContactId" as converted_contact_id,
        lead."ConvertedOpportunityId" as converted_opportunity_id,
        lead."MasterRecordId" as master_record_id,
        {{ instant_of("lead.CreatedDate") }} as created_date
    from source

)

select * from renamed
