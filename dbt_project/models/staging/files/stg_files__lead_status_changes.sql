with

source as (

    select
        {{ envelope() }},
        json_transform(payload, '{
            "lead_id": "VARCHAR", "new_status": "VARCHAR", "changed_at": "VARCHAR", "old_status": "VARCHAR",
            "sequence": "VARCHAR", "reason": "VARCHAR"
        }') as entry
    from {{ source('raw', 'files__lead_status_changes') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        entry.lead_id as lead_id,
        entry.new_status as new_status,
        cast(entry.changed_at as timestamp) as changed_at,
        entry.old_status as old_status,
        cast(entry.sequence as bigint) as sequence,
        entry.reason as reason
    from source

)

select * from renamed
