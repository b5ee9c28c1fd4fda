{# The rows of loads that this table has not seen yet. Every incremental model keeps its own watermark, so that a build cut in the
   middle catches up. #}
{% macro only_new_loads() -%}
    {% if is_incremental() %}where _load_number > (select coalesce(max(_load_number), 0) from {{ this }}){% endif %}
{%- endmacro %}

{# What raw says about a row beside its payload. #}
{% macro envelope() -%}
    _account,
    _source_id,
    _source_updated_at,
    _extracted_at,
    _run_id,
    _record_number,
    _is_deleted,
    _load_number
{%- endmacro %}

{# The table of a model of this schema, where it is there and grows tonight, else none: a part of that model's query, which is a model of its own and
   ephemeral, asks with it for the same news as the model itself. #}
{% macro held(model) -%}
    {% if execute and not flags.FULL_REFRESH %}{{ return(load_relation(this.incorporate(path={'identifier': model}))) }}{% endif %}
    {{ return(none) }}
{%- endmacro %}
