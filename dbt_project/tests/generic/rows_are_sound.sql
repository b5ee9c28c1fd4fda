{# Keys unique, references held, words known: one query per table instead of one per column. With `delta` the uniqueness of the rows of the
   newest load is asked of the whole table, the rest of the rows of that load only.
   `references`: [{column, to, to_column}], nulls allowed; `accepted`: {column: [values]}, nulls allowed. #}
{% test rows_are_sound(model, key, references=[], accepted={}, delta=false) %}

{% set columns = ([key] if key is string else key) %}
{% set guilty = columns | join(" || ' ' || ") %}
with

rows_to_check as (

    select * from {{ model }}
    {% if delta %}where _load_number = (select max(_load_number) from {{ model }}){% endif %}

)

select
    cast({{ guilty }} as varchar) as guilty_key,
    'Two rows share the key: the source gave the same event twice in one version, or a model lost its grain. Look at the newest load.' as likely_cause
from {{ model }}
{% if delta %}where {{ columns | first }} in (select {{ columns | first }} from rows_to_check){% endif %}
group by {{ columns | join(', ') }}
having count(*) > 1
{% for reference in references %}
union all
select
    cast({{ guilty }} as varchar),
    'The {{ reference.column }} points at no row of {{ reference.to_column }}: the dimension lost a member, unknown members included.'
from rows_to_check
where {{ reference.column }} is not null and {{ reference.column }} not in (select {{ reference.to_column }} from {{ reference.to }})
{% endfor %}
{% for column, values in accepted.items() %}
union all
select
    cast({{ guilty }} as varchar),
    'The {{ column }} ' || cast({{ column }} as varchar) || ' is not a word of the warehouse: the source learnt a new one, and the mapping has to follow.'
from rows_to_check
where {{ column }} is not null and {{ column }} not in ({% for value in values %}'{{ value }}'{{ ', ' if not loop.last }}{% endfor %})
{% endfor %}

{% endtest %}
