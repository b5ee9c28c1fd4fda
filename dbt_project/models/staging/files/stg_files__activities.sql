with

source as (

    select
        {{ envelope(custom_in='') }},
        json_transform(payload, '{
            "activity_id": "VARCHAR", "activity_type": "VARCHAR", "happened_at": "VARCHAR", "deal_id": "VARCHAR",
            "lead_id": "VARCHAR", "contact_id": "VARCHAR", "owner_id": "VARCHAR", "direction": "VARCHAR",
            "is_automated": "VARCHAR", "outcome": "VARCHAR"
        }') as entry
    from {{ source('raw', 'files__activities') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        entry.activity_id as activity_id,
        entry.activity_type as activity_type,
        cast(entry.happened_at as timestamp) as happened_at,
        entry.deal_id as deal_id,
        entry.lead_id as lead_id,
        entry.contact_id as contact_id,
        entry.owner_id as owner_id,
        entry.direction as direction,
        coalesce(cast(entry.is_automated as boolean), false) as is_automated,
        entry.outcome as outcome
    from source

)

select * from renamed
