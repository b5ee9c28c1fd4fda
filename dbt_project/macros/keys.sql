{# The stable hash behind every <entity>_key: 16 bytes, the same in every build, never a row number.
   A null id gives a null key, so that a missing reference stays missing. #}
{% macro stable_key(source_system, account, id) -%}
    {{ hashed_key(source_system ~ " || '|' || " ~ account ~ " || '|' || " ~ id) }}
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
