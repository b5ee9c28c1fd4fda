with

source as (

    select
        {{ envelope(custom_in='') }},
        json_transform(payload, '{
            "Name": "VARCHAR", "AccountId": "VARCHAR", "ContactId": "VARCHAR", "RecordTypeId": "VARCHAR",
            "StageName": "VARCHAR", "IsClosed": "BOOLEAN", "Amount": "VARCHAR", "CurrencyIsoCode": "VARCHAR",
            "CloseDate": "VARCHAR", "OwnerId": "VARCHAR", "LeadSource": "VARCHAR", "Loss_Reason__c": "VARCHAR",
            "Lead_Direction__c": "VARCHAR", "Product_Line__c": "VARCHAR", "Recurring_Amount__c": "VARCHAR",
            "Discount_Amount__c": "VARCHAR", "Promised_Value__c": "VARCHAR", "Achieved_Value__c": "VARCHAR",
            "IsDeleted": "BOOLEAN", "CreatedDate": "VARCHAR", "SystemModstamp": "VARCHAR"
        }') as opportunity
    from {{ source('raw', 'salesforce__opportunities') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as opportunity_id,
        {{ ordered_key("'salesforce'", '_account', '_source_id') }} as deal_key,
        opportunity."Name" as name,
        opportunity."AccountId" as account_id,
        opportunity."ContactId" as contact_id,
        opportunity."RecordTypeId" as record_type_id,
        opportunity."StageName" as stage_name,
        coalesce(opportunity."IsClosed", false) as is_closed,
        try_cast(opportunity."Amount" as decimal(18, 2)) as amount,
        opportunity."CurrencyIsoCode" as currency_iso_code,
        {{ date_of("opportunity.CloseDate") }} as close_date,
        opportunity."OwnerId" as owner_id,
        opportunity."LeadSource" as lead_source,
        opportunity."Loss_Reason__c" as loss_reason,
        opportunity."Lead_Direction__c" as lead_direction,
        opportunity."Product_Line__c" as product_line,
        try_cast(opportunity."Recurring_Amount__c" as decimal(18, 2)) as recurring_amount,
        try_cast(opportunity."Discount_Amount__c" as decimal(18, 2)) as discount_amount,
        try_cast(opportunity."Promised_Value__c" as decimal(18, 2)) as promised_value,
        try_cast(opportunity."Achieved_Value__c" as decimal(18, 2)) as achieved_value,
        coalesce(opportunity."IsDeleted", false) as is_in_recycle_bin,
        {{ instant_of("opportunity.CreatedDate") }} as created_date,
        {{ instant_of("opportunity.SystemModstamp") }} as system_modstamp
    from source

)

select * from renamed
