{# First day of the period of a grain (day, week, month, quarter or year) that a day lies in; null for a null day. #}
{% macro period_start_of(grain, day) -%}
    case {{ grain }}
        when 'day' then {{ day }}
        when 'week' then cast(date_trunc('week', {{ day }}) as date)
        when 'month' then cast(date_trunc('month', {{ day }}) as date)
        when 'quarter' then cast(date_trunc('quarter', {{ day }}) as date)
        when 'year' then cast(date_trunc('year', {{ day }}) as date)
    end
{%- endmacro %}
