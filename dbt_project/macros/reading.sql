{# A text as the sources write it, read as what it is meant to be; null where it is not, which the data test values_parse tells. None of them turns
   one value into another: a cast alone would drop an offset from UTC, take `20230-01-15`, `epoch` or `24-01-05` for days, and `inf` for a number. #}

{# A UTC instant; a text without an offset is UTC. Going by way of a time zone costs twenty times a cast and is left to texts with another offset. #}
{% macro instant_of(text) -%}
    case
        when not ends_with({{ text }}, 'Z') and regexp_matches({{ text }}, '[0-9][+-][0-9]{2}:?[0-9]{2}$')
            then {{ in_the_calendar(text, "cast(try_cast(" ~ text ~ " as timestamptz) as timestamp)") }}
        else {{ in_the_calendar(text, "try_cast(" ~ text ~ " as timestamp)") }}
    end
{%- endmacro %}

{# A day; of an instant its first ten characters. #}
{% macro date_of(text) -%}
    {{ in_the_calendar(text, "try_cast(" ~ text ~ " as date)") }}
{%- endmacro %}

{# A finite number. #}
{% macro number_of(text) -%}
    case when isfinite(try_cast({{ text }} as double)) then try_cast({{ text }} as double) end
{%- endmacro %}

{# A day or instant, null unless its text begins with a year of four digits, month and day: nothing else is a day in every reader's calendar.
   A list of one, so that the value is read once: written down twice it is read twice, half the cost of an instant. #}
{% macro in_the_calendar(text, value) -%}
    case when {{ text }} like '____-__-__%'
        then list_filter([{{ value }}], lambda read: cast(read as date) between date '0001-01-01' and date '9999-12-31')[1]
    end
{%- endmacro %}
