{# A text the CRM lets people write freely and that we read as a number, date or flag: none may turn into null unseen.
   `raw`: the table whose payloads hold it. `values`: {type: [places in the payload]}; a place with a star is a list of them. #}
{% test values_parse(model, raw, values) %}

with

newest as (

    select _source_id, payload
    from {{ raw }}
    where _load_number = (select max(_load_number) from {{ raw }})

),

stated as (

    {% for type, places in values.items() %}
    {% set last_type = loop.last %}
    {% for place in places %}
    select
        _source_id,
        '{{ place }}' as field,
        '{{ type }}' as type,
        {% if '*' in place %}unnest(json_extract_string(payload, '{{ place }}')){% else %}json_extract_string(payload, '{{ place }}'){% endif %} as stated
    from newest
    {% if not (loop.last and last_type) %}union all{% endif %}
    {% endfor %}
    {% endfor %}

)

select
    _source_id as guilty_key,
    field,
    stated,
    'The CRM holds a value that is no ' || type || ': correct it there.' as likely_cause
from stated
where stated <> '' and case type
    {% for type in values %}
    when '{{ type }}' then
        {%- if type == 'timestamp' %} {{ instant_of('stated') }}
        {%- elif type == 'date' %} {{ date_of('stated') }}
        {%- elif type == 'double' %} {{ number_of('stated') }}
        {%- else %} try_cast(stated as {{ type }})
        {%- endif %} is null
    {% endfor %}
    end

{% endtest %}
