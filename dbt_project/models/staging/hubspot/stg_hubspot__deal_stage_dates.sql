-- Some rows for every version of a deal: of what raw says about a version each repeats only what tells it apart.
with

source as (

    select
        _account,
        _source_id as deal_id,
        _record_number,
        _load_number,
        json_transform(payload, '{"properties": "MAP(VARCHAR, VARCHAR)"}').properties as properties
    from {{ source('raw', 'hubspot__deals') }}
    {{ only_new_loads() }}

),

stages as (

    select
        *,
        unnest(list_filter(
            map_entries(properties), lambda property: starts_with(property.key, 'hs_v2_date_entered_') and property.value <> ''
        )) as entered
    from source

),

renamed as (

    select
        _account,
        deal_id,
        _record_number,
        _load_number,
        replace(entered.key, 'hs_v2_date_entered_', '') as stage_id,
        {{ instant_of("entered.value") }} as hs_v2_date_entered,
        {{ instant_of("properties[replace(entered.key, '_entered_', '_exited_')]") }} as hs_v2_date_exited
    from stages

)

select * from renamed
