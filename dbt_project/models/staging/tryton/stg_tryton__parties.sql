with

source as (

    select
        {{ envelope(custom_in='') }},
        json_transform(payload, '{"name": "VARCHAR"}') as entry
    from {{ source('raw', 'tryton__parties') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as party_id,
        nullif(entry.name, '') as name
    from source

)

select * from renamed
