{# The stable hash behind every <entity>_key: 16 bytes, the same in every build, never a row number.
   A null id gives a null key, so that a missing reference stays missing. #}
{% macro stable_key(source_system, account, id) -%}
    cast(md5({{ source_system }} || '|' || {{ account }} || '|' || {{ id }}) as uuid)
{%- endmacro %}
