{# The day of a UTC instant in the reporting time zone. #}
{% macro reporting_date(instant) -%}
    {{ return(adapter.dispatch('reporting_date')(instant)) }}
{%- endmacro %}

{# Going by way of a time zone costs twenty times a cast, and UTC instants are in UTC already. #}
{% macro default__reporting_date(instant) -%}
    {%- if var("timezone") == 'UTC' -%} cast({{ instant }} as date) {%- else -%}
    cast(timezone('{{ var("timezone") }}', timezone('UTC', {{ instant }})) as date)
    {%- endif -%}
{%- endmacro %}

{% macro spark__reporting_date(instant) -%}
    cast(from_utc_timestamp({{ instant }}, '{{ var("timezone") }}') as date)
{%- endmacro %}

{# Hours from one instant to another, fractions included. #}
{% macro hours_between(earlier, later) -%}
    {{ return(adapter.dispatch('hours_between')(earlier, later)) }}
{%- endmacro %}

{% macro default__hours_between(earlier, later) -%}
    date_diff('millisecond', {{ earlier }}, {{ later }}) / 3600000.0
{%- endmacro %}

{% macro spark__hours_between(earlier, later) -%}
    (unix_millis({{ later }}) - unix_millis({{ earlier }})) / 3600000.0
{%- endmacro %}

{# Every day from one date to another as rows of one column. #}
{% macro days_between(first, last, name) -%}
    {{ return(adapter.dispatch('days_between')(first, last, name)) }}
{%- endmacro %}

{% macro default__days_between(first, last, name) -%}
    cast(unnest(generate_series({{ first }}, {{ last }}, interval 1 day)) as date) as {{ name }}
{%- endmacro %}

{% macro spark__days_between(first, last, name) -%}
    explode(sequence({{ first }}, {{ last }}, interval 1 day)) as {{ name }}
{%- endmacro %}

{# The bounds of validity: a dimension's first row holds from the beginning of time, its newest to the end. #}
{% macro beginning_of_time() -%}timestamp '0001-01-01 00:00:00'{%- endmacro %}

{% macro end_of_time() -%}timestamp '9999-12-31 00:00:00'{%- endmacro %}
