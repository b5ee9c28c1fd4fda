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
        property,
        case property
            {%- for property in ['dealstage', 'pipeline', 'amount', 'deal_currency_code', 'closedate', 'hubspot_owner_id', 'hs_merged_object_ids'] %}
            when '{{ property }}' then history.{{ property }}
            {%- endfor %}
        end as listed
    from source
    cross join unnest([
        'dealstage', 'pipeline', 'amount', 'deal_currency_code', 'closedate', 'hubspot_owner_id', 'hs_merged_object_ids'
    ]) as known(property)

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
