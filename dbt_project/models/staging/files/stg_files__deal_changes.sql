with

source as (

    select
        {{ envelope() }},
        json_transform(payload, '{
            "deal_id": "VARCHAR", "field": "VARCHAR", "new_value": "VARCHAR", "changed_at": "VARCHAR",
            "old_value": "VARCHAR", "sequence": "VARCHAR"
        }') as entry,
        json_exists(payload, '$.old_value') as has_old_value
    from {{ source('raw', 'files__deal_changes') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        entry.deal_id as deal_id,
        entry.field as field,
        entry.new_value as new_value,
        cast(entry.changed_at as timestamp) as changed_at,
        entry.old_value as old_value,
        has_old_value,
        cast(entry.sequence as bigint) as sequence
    from source

)

select * from renamed
