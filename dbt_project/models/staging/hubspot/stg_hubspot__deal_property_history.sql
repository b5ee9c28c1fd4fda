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

entries as (

    {% for property in ['dealstage', 'pipeline', 'amount', 'deal_currency_code', 'closedate', 'hubspot_owner_id', 'hs_merged_object_ids'] -%}
    select
        {{ envelope() }},
        '{{ property }}' as property,
        len(history.{{ property }}) as entry_count,
        unnest(history.{{ property }}) as entry,
        unnest(range(len(history.{{ property }}), 0, -1)) as sequence
    from source
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as deal_id,
        property,
        sequence,
        entry_count,
        nullif(entry.value, '') as value,
        cast(entry.timestamp as timestamp) as changed_at,
        entry."sourceType" as source_type
    from entries

)

select * from renamed
