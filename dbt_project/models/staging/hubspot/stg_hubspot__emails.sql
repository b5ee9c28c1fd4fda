with

source as (

    select
        {{ envelope(custom_in='properties') }},
        json_transform(payload, '{
            "createdAt": "VARCHAR",
            "properties": {
                "hs_timestamp": "VARCHAR", "hubspot_owner_id": "VARCHAR", "hs_object_source": "VARCHAR", "hs_email_direction": "VARCHAR", "hs_email_status": "VARCHAR"
            },
            "associations": {"deals": ["VARCHAR"], "leads": ["VARCHAR"], "contacts": ["VARCHAR"]}
        }') as activity
    from {{ source('raw', 'hubspot__emails') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as activity_id,
        {{ instant_of("coalesce(nullif(activity.properties.hs_timestamp, ''), activity.createdAt)") }} as hs_timestamp,
        nullif(activity.properties.hubspot_owner_id, '') as hubspot_owner_id,
        nullif(activity.properties.hs_object_source, '') as hs_object_source,
        nullif(activity.properties.hs_email_direction, '') as hs_email_direction,
        nullif(activity.properties.hs_email_status, '') as hs_email_status,
        activity.associations.deals[1] as deal_id,
        activity.associations.leads[1] as lead_id,
        activity.associations.contacts[1] as contact_id
    from source

)

select * from renamed
