with

source as (

    select
        {{ envelope(custom_in='') }},
        json_transform(payload, '{"party": "VARCHAR", "type": "VARCHAR", "value": "VARCHAR"}') as entry
    from {{ source('raw', 'tryton__contact_mechanisms') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as contact_mechanism_id,
        nullif(entry.party, '') as party,
        nullif(entry.type, '') as type,
        nullif(entry.value, '') as value
    from source

)

select * from renamed
