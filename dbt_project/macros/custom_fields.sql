{# The fields of a company's own that WATERTIGHT_CUSTOM_FIELDS lists for this model: name in the payload, column, type. The settings have checked
   them; what stands in a query is checked where it is put there, too. #}
{% macro custom_fields() -%}
    {%- set fields = var('custom_fields', {}).get(model.name, []) -%}
    {%- for field in fields -%}
        {%- if not modules.re.fullmatch('[A-Za-z0-9_]{1,128}', field.name) or not modules.re.fullmatch('custom_[a-z0-9_]{1,60}', field.column)
            or not modules.re.fullmatch('[a-z]+([(][0-9]+,[0-9]+[)])?', field.type) -%}
            {{ exceptions.raise_compiler_error("The custom field " ~ field.name ~ " has characters that no name has. Correct WATERTIGHT_CUSTOM_FIELDS.") }}
        {%- endif -%}
    {%- endfor -%}
    {{ return(fields) }}
{%- endmacro %}

{# A field's value in its type; what is no value of that type is null here and as received in raw. A value with a currency or unit beside it is an
   object: its `value` counts. #}
{% macro custom_value(custom_in, field) -%}
    {%- set path = '$.' ~ (custom_in ~ '.' if custom_in else '') ~ '"' ~ field.name ~ '"' -%}
    try_cast(nullif(coalesce(json_extract_string(payload, '{{ path }}.value'), json_extract_string(payload, '{{ path }}')), '') as {{ field.type }})
{%- endmacro %}

{# Whether this table has other custom columns than the settings now list. #}
{% macro custom_columns_have_changed() -%}
    {%- if not execute or 'custom_in' not in model.get('raw_code', '') -%} {{ return(false) }} {%- endif -%}
    {%- set table = load_relation(this) -%}
    {%- if table is none -%} {{ return(false) }} {%- endif -%}
    {%- set held = [] -%}
    {%- for column in columns_of(table) if column.name.startswith('custom_') -%}
        {%- do held.append(column.name ~ ' ' ~ column.dtype | lower | replace(' ', '')) -%}
    {%- endfor -%}
    {%- set wanted = [] -%}
    {%- for field in custom_fields() -%}
        {%- do wanted.append(field.column ~ ' ' ~ field.type) -%}
    {%- endfor -%}
    {{ return(held | sort != wanted | sort) }}
{%- endmacro %}

{# dbt asks this of every incremental model. A table whose custom columns changed is made anew from all raw rows, so that the payloads of earlier
   nights fill a new column too; all others grow as ever. #}
{% macro should_full_refresh() -%}
    {%- set asked = config.get('full_refresh') -%}
    {%- if asked is none -%} {%- set asked = flags.FULL_REFRESH -%} {%- endif -%}
    {{ return(asked or custom_columns_have_changed()) }}
{%- endmacro %}
