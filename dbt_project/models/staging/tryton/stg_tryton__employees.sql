with

source as (

    select
        {{ envelope() }},
        json_transform(payload, '{"name": "VARCHAR", "party": "VARCHAR"}') as entry
    from {{ source('raw', 'tryton__employees') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as employee_id,
        nullif(entry.name, '') as name,
        nullif(entry.party, '') as party
    from source

)

select * from renamed
