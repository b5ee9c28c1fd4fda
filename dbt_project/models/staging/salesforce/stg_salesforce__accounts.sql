with

source as (

    select
        {{ envelope(custom_in='') }},
        json_transform(payload, '{
            "Name": "VARCHAR", "Industry": "VARCHAR", "BillingCountry": "VARCHAR", "NumberOfEmployees": "VARCHAR",
            "Is_Target__c": "BOOLEAN", "MasterRecordId": "VARCHAR", "CreatedDate": "VARCHAR"
        }') as account
    from {{ source('raw', 'salesforce__accounts') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as account_id,
        account."Name" as name,
        account."Industry" as industry,
        account."BillingCountry" as billing_country,
        try_cast(account."NumberOfEmployees" as bigint) as number_of_employees,
        coalesce(account."Is_Target__c", false) as is_target,
        account."MasterRecordId" as master_record_id,
        {{ instant_of("account.CreatedDate") }} as created_date
    from source

)

select * from renamed
