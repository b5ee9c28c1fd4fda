-- A dozen rows for every version of a deal: of what raw says about a version each repeats only what tells it apart and dates it.
{% set version = '_account, deal_id, _extracted_at, _run_id, _record_number, _load_number' -%}
{% set tracked = ['dealstage', 'pipeline', 'amount', 'deal_currency_code', 'closedate', 'hubspot_owner_id', 'hs_merged_object_ids'] -%}

with

source as (

    select
        _account,
        _source_id as deal_id,
        _extracted_at,
        _run_id,
        _record_number,
        _load_number,
        json_transform(payload, '{"propertiesWithHistory": {
            {%- for property in tracked %}
            "{{ property }}": [{"value": "VARCHAR", "timestamp": "VARCHAR"}]{{ "," if not loop.last }}
            {%- endfor %}
        }}')."propertiesWithHistory" as history
    from {{ source('raw', 'hubspot__deals') }}
    {{ only_new_loads() }}

),

properties as (

    select
        {{ version }},
        unnest([
            {%- for property in tracked %}
            {'property': '{{ property }}', 'listed': history.{{ property }}}{{ "," if not loop.last }}
            {%- endfor %}
        ], recursive := true)
    from source

),

entries as (

    select
        {{ version }},
        property,
        len(listed) as entry_count,
        unnest(listed) as entry,
        unnest(range(len(listed), 0, -1)) as sequence
    from properties

),

renamed as (

    select
        {{ version }},
        property,
        sequence,
        entry_count,
        nullif(entry.value, '') as value,
        {{ instant_of("entry.timestamp") }} as changed_at
    from entries

)

select * from renamed
