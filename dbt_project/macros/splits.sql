{# What a metric of marketing or of customers is split by: a row's key in one of the named dimensions, and the bands and words behind them. #}

{# `keys`: name of a dimension to the column that holds its key; `all` needs none. #}
{% macro split_key(dimension, keys) -%}
    case {{ dimension }}
        when 'all' then 'all'
        {%- for name, column in keys.items() %}
        when '{{ name }}' then {{ column }}
        {%- endfor %}
    end
{%- endmacro %}

{# The dimensions of such a split as rows of one column. #}
{% macro split_names(keys) -%}
    (values ('all'){% for name in keys %}, ('{{ name }}'){% endfor %}) as splits (dimension)
{%- endmacro %}

{# The band of a company's size: micro, small, medium and large enterprises as the European Union counts their employees. #}
{% macro company_size(employee_count) -%}
    case
        when {{ employee_count }} is null then 'unknown'
        when {{ employee_count }} < 10 then '1-9'
        when {{ employee_count }} < 50 then '10-49'
        when {{ employee_count }} < 250 then '50-249'
        else '250+'
    end
{%- endmacro %}

{# A person of ours turned to somebody: not a machine, not a task or a note, and not a meeting that was missed. What a CRM gives no direction came from us. #}
{% macro is_human_touch(activity) -%}
    {{ activity }}.activity_type in ('call', 'email', 'meeting', 'presentation', 'trial', 'customer_success')
    and coalesce({{ activity }}.direction, 'outbound') = 'outbound'
    and not {{ activity }}.is_automated
    and coalesce({{ activity }}.outcome, 'none') <> 'missed'
{%- endmacro %}

{# The company's declared limits as columns of one row. #}
{% macro declared_limits(names) -%}
    select
        {% for name in names -%}
        cast(max(case when limit_name = '{{ name }}' then limit_value end) as integer) as {{ name }}_limit{{ ',' if not loop.last }}
        {% endfor %}
{%- endmacro %}
