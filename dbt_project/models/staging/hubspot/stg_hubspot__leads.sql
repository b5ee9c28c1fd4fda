with

source as (

    select
        {{ envelope(custom_in='properties') }},
        json_transform(payload, '{
            "createdAt": "VARCHAR",
            "properties": {
                "hs_lead_name": "VARCHAR", "hs_pipeline": "VARCHAR", "hs_pipeline_stage": "VARCHAR", "hubspot_owner_id": "VARCHAR",
                "hs_createdate": "VARCHAR", "lead_channel": "VARCHAR", "lead_direction": "VARCHAR",
                "hs_lead_disqualification_reason": "VARCHAR"
            },
            "associations": {"companies": ["VARCHAR"], "contacts": ["VARCHAR"], "deals": ["VARCHAR"]}
        }') as lead
    from {{ source('raw', 'hubspot__leads') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as lead_id,
        lead.properties.hs_lead_name as hs_lead_name,
        nullif(lead.properties.hs_pipeline, '') as hs_pipeline,
        nullif(lead.properties.hs_pipeline_stage, '') as hs_pipeline_stage,
        nullif(lead.properties.hubspot_owner_id, '') as hubspot_owner_id,
        nullif(lead.properties.lead_channel, '') as lead_channel,
        nullif(lead.properties.lead_direction, '') as lead_direction,
        nullif(lead.properties.hs_lead_disqualification_reason, '') as hs_lead_disqualification_reason,
        lead.associations.companies[1] as company_id,
        lead.associations.contacts[1] as contact_id,
        lead.associations.deals[1] as deal_id,
        {{ instant_of("coalesce(nullif(lead.properties.hs_createdate, ''), lead.createdAt)") }} as hs_createdate
    from source

)

select * from renamed
