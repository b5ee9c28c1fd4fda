with

source as (

    select
        {{ envelope() }},
        json_transform(payload, '{
            "update_time": "VARCHAR",
            "changes": [{"field_key": "VARCHAR", "old_value": "VARCHAR", "new_value": "VARCHAR", "time": "VARCHAR"}]
        }') as changelog
    from {{ source('raw', 'pipedrive__deal_changelogs') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as deal_id,
        {{ instant_of("changelog.update_time") }} as update_time,
        changelog.changes as changes
    from source

)

select * from renamed
