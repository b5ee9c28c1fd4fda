{# The rows of loads that this table has not seen yet. Every incremental model keeps its own watermark, so that a build cut in the
   middle catches up. #}
{% macro only_new_loads() -%}
    {% if is_incremental() %}where _load_number > {{ newest_load() }}{% endif %}
{%- endmacro %}

{# The newest load that this table holds, or `table` where the query is a part of that one's; 0 for none. The materialization asks for it before the query
   runs (macros/tables.sql): held against a number that is known, a night's rows are found by the bounds of a table's parts; held against a subquery,
   among all of its rows. #}
{% macro newest_load(table=none) -%}
    {{ return(adapter.dispatch('newest_load')(table or this)) }}
{%- endmacro %}

{% macro default__newest_load(table) -%} getvariable('newest_load') {%- endmacro %}

{% macro spark__newest_load(table) -%} (select coalesce(max(_load_number), 0) from {{ table }}) {%- endmacro %}

{# The rows of a table that are of tonight's deals: by their keys alone first, then by their places. The other columns, which are most of a table, are
   read of these rows only. #}
{% macro of_changed_deals(table, changed='changed_deals') -%}
    rowid in (select rowid from {{ table }} where deal_key in (select deal_key from {{ changed }}))
{%- endmacro %}

{# What raw says about a row beside its payload, and the columns of the settings' own list (macros/custom_fields.sql): where `custom_in` tells where
   in the payload they lie they are taken out of it, elsewhere they are handed on. #}
{% macro envelope(custom_in=none) -%}
    _account,
    _source_id,
    _source_updated_at,
    _extracted_at,
    _run_id,
    _record_number,
    _is_deleted,
    _load_number
    {%- for field in custom_fields() %},
    {% if custom_in is not none %}{{ custom_value(custom_in, field) }} as {% endif %}"{{ field.column }}"
    {%- endfor %}
{%- endmacro %}

{# The table of a model of this schema, where it is there and grows tonight, else none: a part of that model's query, which is a model of its own and
   ephemeral, asks with it for the same news as the model itself. #}
{% macro held(model) -%}
    {% if execute and not flags.FULL_REFRESH %}{{ return(load_relation(this.incorporate(path={'identifier': model}))) }}{% endif %}
    {{ return(none) }}
{%- endmacro %}
