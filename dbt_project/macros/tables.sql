{# How tables are made and grow. dbt-duckdb's own ways ask the catalogue up to seven times a table, and rename and drop through macros of their own: most
   of what a night of small tables costs. DuckDB replaces a table within a transaction, so that a table that fails stays what it was. #}

{% materialization table, adapter='duckdb' %}
    {%- set target = this.incorporate(type='table') -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- do make_way(load_cached_relation(this)) -%}
    {% call statement('main') %}{{ replace_table(target, compiled_code) }}{% endcall %}
    {%- do persist_docs(target, model) -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {%- do adapter.commit() -%}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}

{% materialization incremental, adapter='duckdb' %}
    {%- set held = load_cached_relation(this) -%}
    {%- set target = this.incorporate(type='table') -%}
    {%- set on_schema_change = incremental_validate_on_schema_change(config.get('on_schema_change'), default='ignore') -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {% if held is none or held.is_view or should_full_refresh() %}
        {%- do make_way(held) -%}
        {% call statement('main') %}{{ replace_table(target, compiled_code) }}{% endcall %}
    {% else %}
        {%- set news = make_temp_relation(target) -%}
        {% if 'newest_load' in compiled_code -%}
            {%- set seen_by = config.get('meta', {}).get('newest_load_of') -%}
            {%- set teller = load_relation(held.incorporate(path={'identifier': seen_by})) if seen_by -%}
            {% call statement('newest_load', auto_begin=False) %}set variable newest_load = (select coalesce(max(_load_number), 0) from {{ teller or held }}){% endcall %}
        {%- endif %}
        {% call statement('news', auto_begin=False) %}{{ create_table_as(True, news, compiled_code) }}{% endcall %}
        {%- set columns = columns_of(news) -%}
        {%- set types, held_types = types_of(columns), types_of(columns_of(held)) -%}
        {%- if 'deal_key' in types and 'deal_key' not in held_types -%}
            {{ exceptions.raise_compiler_error("This warehouse was built when the keys of deals had another form. Make it anew from the landing files: watertight rebuild.") }}
        {%- endif -%}
        {%- if types != held_types -%} {%- do process_schema_changes(on_schema_change, news, held) -%} {%- endif -%}
        {%- set grow = adapter.get_incremental_strategy_macro(context, config.get('incremental_strategy') or 'default') -%}
        {% call statement('main') %}
            {{ grow({'target_relation': target, 'temp_relation': news, 'unique_key': config.get('unique_key'), 'dest_columns': columns,
                     'incremental_predicates': none}) }};
            drop table {{ news }}
        {% endcall %}
    {% endif %}
    {%- do persist_docs(target, model) -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {%- do adapter.commit() -%}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}

{# A table replaces a table, but not what was a view the night before. #}
{% macro make_way(held) -%}
    {%- if held is not none and not held.is_table -%} {%- do adapter.drop_relation(held) -%} {%- endif -%}
{%- endmacro %}

{% macro replace_table(target, query) -%}
    {% if config.get('contract').enforced %}
        {{ get_assert_columns_equivalent(query) }}
        create or replace table {{ target }} {{ get_table_columns_and_constraints() }};
        insert into {{ target }} {{ get_column_names() }} ({{ get_select_subquery(query) }})
    {% else %}
        create or replace table {{ target }} as ({{ query }})
    {% endif %}
{%- endmacro %}

{# The columns of a relation, without the macros and the table of results that dbt puts around a question. #}
{% macro columns_of(relation) -%}
    {%- set columns = [] -%}
    {%- for column in adapter.add_query('describe ' ~ relation, auto_begin=False)[1].fetchall() -%}
        {%- do columns.append(api.Column(column[0], column[1])) -%}
    {%- endfor -%}
    {{ return(columns) }}
{%- endmacro %}

{% macro types_of(columns) -%}
    {%- set types = {} -%}
    {%- for column in columns -%} {%- do types.update({column.name: column.dtype}) -%} {%- endfor -%}
    {{ return(types) }}
{%- endmacro %}

{# The contract: the query's columns and types are those of the model's description. Where they are not, dbt's own macro compares them one by one and says
   which. #}
{% macro duckdb__get_assert_columns_equivalent(query) -%}
    {%- set made = adapter.get_column_schema_from_query(query) -%}
    {%- set described = adapter.get_column_schema_from_query(get_empty_schema_sql(model['columns'])) -%}
    {%- if made | length != described | length or types_of(made) != types_of(described) -%} {{ assert_columns_equivalent(query) }} {%- endif -%}
{%- endmacro %}

{# The descriptions of a table and its columns, in one statement. A contract has made sure of the columns already. #}
{% macro duckdb__persist_docs(relation, model, for_relation, for_columns) -%}
    {%- set columns = model.columns if for_columns and config.persist_column_docs() else {} -%}
    {%- if columns and not config.get('contract').enforced -%}
        {%- set columns = validate_doc_columns(relation, columns, columns_of(relation) | map(attribute='name') | list) -%}
    {%- endif -%}
    {%- set comments = [] -%}
    {%- if for_relation and config.persist_relation_docs() and model.description -%}
        {%- do comments.append(alter_relation_comment(relation, model.description)) -%}
    {%- endif -%}
    {%- for column in columns.values() if column.description -%}
        {%- do comments.append('comment on column ' ~ relation ~ '.' ~ adapter.quote(column.name) ~ ' is ' ~ duckdb_escape_comment(column.description) ~ ';') -%}
    {%- endfor -%}
    {%- if comments -%}
        {% call statement('descriptions') %}{{ comments | join('\n') }}{% endcall %}
    {%- endif -%}
{%- endmacro %}
