with

source as (

    select
        {{ envelope(custom_in='') }},
        json_transform(payload, '{
            "AccountId": "VARCHAR", "FirstName": "VARCHAR", "LastName": "VARCHAR", "Email": "VARCHAR", "Phone": "VARCHAR",
            "Legal_Basis__c": "VARCHAR", "MasterRecordId": "VARCHAR", "CreatedDate": "VARCHAR"
        }') as contact
    from {{ source('raw', 'salesforce__contacts') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as contact_id,
        contact."AccountId" as account_id,
        contact."FirstName" as first_name,
        contact."LastName" as last_name,
        contact."Email" as email,
        contact."Phone" as phone,
        contact."Legal_Basis__c" as legal_basis,
        contact."MasterRecordId" as master_record_id,
        {{ instant_of("contact.CreatedDate") }} as created_date
    from source

)

select * from renamed
