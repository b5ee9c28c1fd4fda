with

source as (

    select
        {{ envelope() }},
        from_json(payload -> '$.properties', '"MAP(VARCHAR, VARCHAR)"') as properties
    from {{ source('raw', 'hubspot__deals') }}
    {{ only_new_loads() }}

),

stages as (

    select
        *,
        unnest(list_filter(map_keys(properties), lambda name: starts_with(name, 'hs_v2_date_entered_'))) as property
    from source

),

renamed as (

    select
        {{ envelope() }},
        _source_id as deal_id,
        replace(property, 'hs_v2_date_entered_', '') as stage_id,
        {{ instant_of("properties[property]") }} as hs_v2_date_entered,
        {{ instant_of("properties[replace(property, '_entered_', '_exited_')]") }} as hs_v2_date_exited
    from stages
    where properties[property] <> ''

)

select * from renamed
