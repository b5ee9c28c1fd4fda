{# The fields of a deal whose changes are followed, and their values in a row of it: two lists in one order. #}
{% macro tracked_fields() -%} ['stage', 'pipeline', 'amount', 'currency', 'expected_close', 'owner'] {%- endmacro %}

{% macro tracked_values(deal) -%}
    [
        {{ deal }}.source_stage_id, {{ deal }}.source_pipeline_id, cast({{ deal }}.deal_amount as varchar), {{ deal }}.currency_code,
        cast({{ deal }}.expected_close_date as varchar), {{ deal }}.source_owner_id
    ]
{%- endmacro %}
