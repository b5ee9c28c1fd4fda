with

source as (

    select
        {{ envelope() }},
        json_transform(payload -> '$.propertiesWithHistory', '{
            "hs_pipeline_stage": [{"value": "VARCHAR", "timestamp": "VARCHAR", "sourceType": "VARCHAR"}]
        }') as history
    from {{ source('raw', 'hubspot__leads') }}
    {{ only_new_loads() }}

),

entries as (

    select
        {{ envelope() }},
        unnest(history.hs_pipeline_stage) as entry,
        unnest(range(len(history.hs_pipeline_stage), 0, -1)) as sequence
    from source

),

renamed as (

    select
        {{ envelope() }},
        _source_id as lead_id,
        sequence,
        nullif(entry.value, '') as hs_pipeline_stage,
        {{ instant_of('entry.timestamp') }} as changed_at,
        entry."sourceType" as source_type
    from entries

)

select * from renamed
