{# Schemas are named as the layers are: no target prefix, so that raw, staging and intermediate stand side by side. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ custom_schema_name | trim if custom_schema_name else target.schema }}
{%- endmacro %}
