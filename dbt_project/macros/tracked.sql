{# The fields of a deal whose changes are followed, and their values in a row of it: two lists in one order. #}
{% macro tracked_fields() -%} ['stage', 'pipeline', 'amount', 'currency', 'expected_close', 'owner'] {%- endmacro %}

{% macro tracked_values(deal) -%}
    [
        {{ deal }}.source_stage_id, {{ deal }}.source_pipeline_id, cast({{ deal }}.deal_amount as varchar), {{ deal }}.currency_code,
        cast({{ deal }}.expected_close_date as varchar), {{ deal }}.source_owner_id
    ]
{%- endmacro %}

{# The place of a change within its instant: amount, currency, owner and expected close come first, then the creation, the moves in the source's order,
   the end of a deal. #}
{% macro step_order() -%}
    case
        when field = 'status' and new_value <> 'live' then 3
        when field in ('stage', 'pipeline', 'status') and old_value is not null then 2
        when field = 'stage' then 1
        else 0
    end
{%- endmacro %}
