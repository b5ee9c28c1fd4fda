with

source as (

    select
        {{ envelope() }},
        json_transform(payload, '{
            "pipeline_id": "BIGINT", "user_id": "BIGINT", "start_date": "VARCHAR", "end_date": "VARCHAR",
            "movement_statistics": {
                "new_deals": {"deals_ids": ["BIGINT"]}, "won_deals": {"deals_ids": ["BIGINT"]}, "lost_deals": {"deals_ids": ["BIGINT"]}
            },
            "conversion_statistics": {"stage_conversions": [{"from_stage_id": "BIGINT", "to_stage_id": "BIGINT", "conversion_rate": "BIGINT"}]}
        }') as statistics
    from {{ source('raw', 'pipedrive__pipeline_statistics') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        cast(statistics.pipeline_id as varchar) as pipeline_id,
        cast(statistics.user_id as varchar) as user_id,
        {{ date_of('statistics.start_date') }} as start_date,
        {{ date_of('statistics.end_date') }} as end_date,
        statistics.movement_statistics.new_deals.deals_ids as new_deals_ids,
        statistics.movement_statistics.won_deals.deals_ids as won_deals_ids,
        statistics.movement_statistics.lost_deals.deals_ids as lost_deals_ids,
        statistics.conversion_statistics.stage_conversions as stage_conversions
    from source

)

select * from renamed
