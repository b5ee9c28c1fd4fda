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
