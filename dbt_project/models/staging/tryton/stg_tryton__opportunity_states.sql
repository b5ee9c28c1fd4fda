with

source as (

    select
        {{ envelope() }},
        json_transform(payload, '{"label": "VARCHAR", "order": "VARCHAR"}') as entry
    from {{ source('raw', 'tryton__opportunity_states') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as state,
        nullif(entry.label, '') as label,
        try_cast(nullif(entry."order", '') as bigint) as display_order
    from source

)

select * from renamed
