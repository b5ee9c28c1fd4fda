{# A text the CRM lets people write freely and that we read as a number or date: none may turn into null unseen.
   `columns`: {text column: typed column}. #}
{% test values_parse(model, columns) %}

{% for text, typed in columns.items() %}
select
    _source_id as guilty_key,
    '{{ text }}' as field,
    {{ text }} as stated,
    'The CRM holds a value that is no number or date: correct it there.' as likely_cause
from {{ model }}
where {{ text }} is not null and {{ typed }} is null and _load_number = (select max(_load_number) from {{ model }})
{% if not loop.last %}union all{% endif %}
{% endfor %}

{% endtest %}
