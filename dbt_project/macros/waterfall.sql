{# The grains in which two days lie in one period, as a sum: 1 day, 2 week, 4 month, 8 quarter, 16 year; 0 for a null day. One number instead of a row for each
   grain: a movement is then counted once, however many periods it concerns. #}
{% macro grains_in_common(day, other_day) -%}
    case
        when {{ other_day }} is null then 0
        else case when {{ day }} = {{ other_day }} then 1 else 0 end
            + case when date_trunc('week', {{ day }}) = date_trunc('week', {{ other_day }}) then 2 else 0 end
            + case when extract(year from {{ day }}) <> extract(year from {{ other_day }}) then 0
                when extract(month from {{ day }}) = extract(month from {{ other_day }}) then 28
                when extract(quarter from {{ day }}) = extract(quarter from {{ other_day }}) then 24
                else 16 end
    end
{%- endmacro %}

{# The grains of grains_in_common as rows: values of a relation (period_grain, grain_flag). #}
{% macro grain_flags() -%}
    values ('day', 1), ('week', 2), ('month', 4), ('quarter', 8), ('year', 16)
{%- endmacro %}

{# First day of the period of a grain (day, week, month, quarter or year) that a day lies in. #}
{% macro period_start_of(grain, day) -%}
    case {{ grain }}
        when 'day' then {{ day }}
        when 'week' then cast(date_trunc('week', {{ day }}) as date)
        when 'month' then cast(date_trunc('month', {{ day }}) as date)
        when 'quarter' then cast(date_trunc('quarter', {{ day }}) as date)
        when 'year' then cast(date_trunc('year', {{ day }}) as date)
    end
{%- endmacro %}
