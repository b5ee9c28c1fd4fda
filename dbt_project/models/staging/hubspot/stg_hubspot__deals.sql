with

source as (

    select
        {{ envelope(custom_in='properties') }},
        json_transform(payload, '{
            "createdAt": "VARCHAR", "archivedAt": "VARCHAR",
            "properties": {
                "dealname": "VARCHAR", "dealstage": "VARCHAR", "pipeline": "VARCHAR", "amount": "VARCHAR",
                "deal_currency_code": "VARCHAR", "closedate": "VARCHAR", "createdate": "VARCHAR", "hubspot_owner_id": "VARCHAR",
                "hs_mrr": "VARCHAR", "closed_lost_reason": "VARCHAR", "hs_analytics_source": "VARCHAR",
                "lead_channel": "VARCHAR", "lead_direction": "VARCHAR",
                "product_line": "VARCHAR", "discount_amount": "VARCHAR", "promised_value": "VARCHAR",
                "achieved_value": "VARCHAR", "hs_merged_object_ids": "VARCHAR"
            },
            "associations": {"companies": ["VARCHAR"], "contacts": ["VARCHAR"], "leads": ["VARCHAR"]}
        }') as deal
    from {{ source('raw', 'hubspot__deals') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as deal_id,
        {{ ordered_key("'hubspot'", '_account', '_source_id') }} as deal_key,
        deal.properties.dealname as dealname,
        nullif(deal.properties.dealstage, '') as dealstage,
        nullif(deal.properties.pipeline, '') as pipeline,
        try_cast(deal.properties.amount as decimal(18, 2)) as amount,
        nullif(deal.properties.deal_currency_code, '') as deal_currency_code,
        {{ instant_of("nullif(deal.properties.closedate, '')") }} as closedate,
        {{ instant_of("coalesce(nullif(deal.properties.createdate, ''), deal.createdAt)") }} as createdate,
        nullif(deal.properties.hubspot_owner_id, '') as hubspot_owner_id,
        try_cast(deal.properties.hs_mrr as decimal(18, 2)) as hs_mrr,
        nullif(deal.properties.closed_lost_reason, '') as closed_lost_reason,
        nullif(deal.properties.hs_analytics_source, '') as hs_analytics_source,
        nullif(deal.properties.lead_channel, '') as lead_channel,
        nullif(deal.properties.lead_direction, '') as lead_direction,
        nullif(deal.properties.product_line, '') as product_line,
        try_cast(deal.properties.discount_amount as decimal(18, 2)) as discount_amount,
        try_cast(deal.properties.promised_value as decimal(18, 2)) as promised_value,
        try_cast(deal.properties.achieved_value as decimal(18, 2)) as achieved_value,
        nullif(deal.properties.hs_merged_object_ids, '') as hs_merged_object_ids,
        deal.associations.companies[1] as company_id,
        deal.associations.contacts[1] as contact_id,
        deal.associations.contacts as contact_ids,
        deal.associations.leads[1] as lead_id,
        {{ instant_of("deal.archivedAt") }} as archived_at
    from source

)

select * from renamed
