with

source as (

    select
        {{ envelope(custom_in='custom_fields') }},
        json_transform(payload, '{
            "title": "VARCHAR", "owner_id": "VARCHAR", "person_id": "VARCHAR", "org_id": "VARCHAR", "pipeline_id": "VARCHAR", "stage_id": "VARCHAR",
            "value": "VARCHAR", "currency": "VARCHAR", "add_time": "VARCHAR", "update_time": "VARCHAR", "status": "VARCHAR",
            "lost_reason": "VARCHAR", "close_time": "VARCHAR", "won_time": "VARCHAR", "lost_time": "VARCHAR", "expected_close_date": "VARCHAR",
            "channel": "VARCHAR", "source_lead_id": "VARCHAR", "mrr": "VARCHAR", "is_archived": "BOOLEAN"
        }') as deal
    from {{ source('raw', 'pipedrive__deals') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as deal_id,
        {{ ordered_key("'pipedrive'", '_account', '_source_id') }} as deal_key,
        deal.title as title,
        deal.owner_id as owner_id,
        deal.person_id as person_id,
        deal.org_id as org_id,
        deal.pipeline_id as pipeline_id,
        deal.stage_id as stage_id,
        try_cast(deal.value as decimal(18, 2)) as value,
        nullif(deal.currency, '') as currency,
        deal.status as status,
        nullif(deal.lost_reason, '') as lost_reason,
        {{ instant_of("nullif(deal.close_time, '')") }} as close_time,
        {{ instant_of("nullif(deal.won_time, '')") }} as won_time,
        {{ instant_of("nullif(deal.lost_time, '')") }} as lost_time,
        {{ date_of("nullif(deal.expected_close_date, '')") }} as expected_close_date,
        deal.channel as channel,
        deal.source_lead_id as source_lead_id,
        try_cast(deal.mrr as decimal(18, 2)) as mrr,
        coalesce(deal.is_archived, false) as is_archived,
        {{ instant_of("deal.add_time") }} as add_time,
        {{ instant_of("coalesce(deal.update_time, deal.add_time)") }} as update_time
    from source

)

select * from renamed
