{# `watertight as-of DAY` builds with the last instant of that day, a night with none, and then the macros below say nothing. What happened
   later has not happened yet; which loads are known is settled before the build, in raw. From the environment and not a variable: a variable
   that changes makes dbt read the whole project anew. #}
{% macro then() -%} {{ return(env_var('WATERTIGHT_AS_OF', '')) }} {%- endmacro %}

{% macro happened_by_then(instant, keyword='where') -%}
    {% if then() %}{{ keyword }} coalesce({{ instant }} <= timestamp '{{ then() }}', true){% endif %}
{%- endmacro %}

{# The same of a day in the reporting time zone. #}
{% macro dated_by_then(day, keyword='where') -%}
    {% if then() %}{{ keyword }} coalesce({{ day }} <= {{ reporting_date("timestamp '" ~ then() ~ "'") }}, true){% endif %}
{%- endmacro %}

{# The instant, or the end of the day asked for where that is earlier. #}
{% macro until_then(instant) -%}
    {% if then() %}least({{ instant }}, timestamp '{{ then() }}'){% else %}{{ instant }}{% endif %}
{%- endmacro %}

{# The end of a validity: what was replaced later was still in force then. #}
{% macro valid_to_then(instant) -%}
    {% if then() %}case when {{ instant }} > timestamp '{{ then() }}' then {{ end_of_time() }} else {{ instant }} end
    {%- else %}{{ instant }}{% endif %}
{%- endmacro %}
