with

source as (

    select
        {{ envelope(custom_in='') }},
        json_transform(payload, '{
            "lead_id": "VARCHAR", "created_at": "VARCHAR", "contact_id": "VARCHAR", "company_id": "VARCHAR",
            "channel": "VARCHAR", "lead_direction": "VARCHAR", "campaign_id": "VARCHAR", "status": "VARCHAR",
            "owner_id": "VARCHAR", "disqualified_reason": "VARCHAR", "converted_deal_id": "VARCHAR"
        }') as entry
    from {{ source('raw', 'files__leads') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        entry.lead_id as lead_id,
        cast(entry.created_at as timestamp) as created_at,
        entry.contact_id as contact_id,
        entry.company_id as company_id,
        entry.channel as channel,
        entry.lead_direction as lead_direction,
        entry.campaign_id as campaign_id,
        entry.status as status,
        entry.owner_id as owner_id,
        entry.disqualified_reason as disqualified_reason,
        entry.converted_deal_id as converted_deal_id
    from source

)

select * from renamed
