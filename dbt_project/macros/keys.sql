{# The stable hash behind every <entity>_key: 16 bytes, the same in every build, never a row number.
   A null id gives a null key, so that a missing reference stays missing. #}
{% macro stable_key(source_system, account, id) -%}
    {{ hashed_key(source_system ~ " || '|' || " ~ account ~ " || '|' || " ~ id) }}
{%- endmacro %}

{# The stable key of a deal or an activity. It begins with what orders the source's ids - twelve digits of a number, six characters of another text - so that the deals of
   one time lie together in every table in their order, and a night opens the parts with its own deals only. #}
{% macro ordered_key(source_system, account, id) -%}
    {{ return(adapter.dispatch('ordered_key')(source_system, account, id)) }}
{%- endmacro %}

{% macro default__ordered_key(source_system, account, id) -%}
    cast({{ place_of_id(id, "regexp_full_match(" ~ id ~ ", '[0-9]+')") }} || right(md5({{ source_system }} || '|' || {{ account }} || '|' || {{ id }}), 20) as uuid)
{%- endmacro %}

{% macro spark__ordered_key(source_system, account, id) -%}
    {{ place_of_id(id, id ~ " rlike '^[0-9]+$'") }} || right(md5({{ source_system }} || '|' || {{ account }} || '|' || {{ id }}), 20)
{%- endmacro %}

{# Of other texts the characters before the last five: Salesforce's ids end with two that change with every record and a checksum of three. #}
{% macro place_of_id(id, is_number) -%}
    case when {{ is_number }} then lpad({{ id }}, 12, '0') else rpad(hex(right({{ id }}, 11)), 12, '0') end
{%- endmacro %}

{# The key of something of a deal: it lies beside the deal's. #}
{% macro key_beside(deal_key, text) -%}
    cast(left(cast({{ deal_key }} as varchar), 13) || right(md5({{ deal_key }} || '|' || {{ text }}), 20) as {{ key_type() }})
{%- endmacro %}

{# A text as a key. #}
{% macro hashed_key(text) -%}
    {{ return(adapter.dispatch('hashed_key')(text)) }}
{%- endmacro %}

{% macro default__hashed_key(text) -%}
    cast(md5({{ text }}) as uuid)
{%- endmacro %}

{# Spark has no type for 16 bytes: there a key is text. #}
{% macro spark__hashed_key(text) -%}
    md5({{ text }})
{%- endmacro %}

{# The key of the member that stands for "none" or "not held" in every dimension. #}
{% macro unknown_key() -%}
    cast('00000000-0000-0000-0000-000000000000' as {{ key_type() }})
{%- endmacro %}

{% macro key_type() -%}
    {{ return(adapter.dispatch('key_type')()) }}
{%- endmacro %}

{% macro default__key_type() -%}uuid{%- endmacro %}

{% macro spark__key_type() -%}string{%- endmacro %}
