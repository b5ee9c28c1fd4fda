with

source as (

    select
        {{ envelope() }},
        json_transform(payload, '{"propertiesWithHistory": {
            {%- for property in ['dealstage', 'pipeline', 'amount', 'deal_currency_code', 'closedate', 'hubspot_owner_id', 'hs_merged_object_ids'] %}
            "{{ property }}": [{"value": "VARCHAR", "timestamp": "VARCHAR", "sourceType": "VARCHAR"}]{{ "," if not loop.last }}
            {%- endfor %}
        }}')."propertiesWithHistory" as history
    from {{ source('raw', 'hubspot__deals') }}
    {{ only_new_loads() }}

),

properties as (

    select
        {{ envelope() }},
        unnest([
            {%- for property in ['dealstage', 'pipeline', 'amount', 'deal_currency_code', 'closedate', 'hubspot_owner_id', 'hs_merged_object_ids'] %}
            {'property': '{{ property }}', 'listed': history.{{ property }}}{{ "," if not loop.last }}
            {%- endfor %}
        ], recursive := true)
    from source

),

entries as (

    select
        {{ envelope() }},
        property,
        len(listed) as entry_count,
        unnest(listed) as entry,
        unnest(range(len(listed), 0, -1)) as sequence
    from properties

),

renamed as (

    select
        {{ envelope() }},
        _source_id as deal_id,
        property,
        sequence,
        entry_count,
        nullif(entry.value, '') as value,
        {{ instant_of("entry.timestamp") }} as changed_at,
        entry."sourceType" as source_type
    from entries

)

select * from renamed
