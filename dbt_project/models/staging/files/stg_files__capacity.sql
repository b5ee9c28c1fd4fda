with

source as (

    select
        {{ envelope(custom_in='') }},
        json_transform(payload, '{
            "owner_id": "VARCHAR", "week_start": "VARCHAR", "meetings": "VARCHAR", "active_deals": "VARCHAR"
        }') as entry
    from {{ source('raw', 'files__capacity') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        entry.owner_id as owner_id,
        cast(entry.week_start as date) as week_start,
        cast(entry.meetings as bigint) as meetings,
        cast(entry.active_deals as bigint) as active_deals
    from source

)

select * from renamed
