with

source as (

    select
        {{ envelope(custom_in='') }},
        json_transform(payload, '{
            "CampaignId": "VARCHAR", "LeadId": "VARCHAR", "ContactId": "VARCHAR", "Status": "VARCHAR", "HasResponded": "BOOLEAN",
            "CreatedDate": "VARCHAR"
        }') as member
    from {{ source('raw', 'salesforce__campaign_members') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as campaign_member_id,
        member."CampaignId" as campaign_id,
        member."LeadId" as lead_id,
        member."ContactId" as contact_id,
        member."Status" as status,
        coalesce(member."HasResponded", false) as has_responded,
        {{ instant_of("member.CreatedDate") }} as created_date
    from source

)

select * from renamed
