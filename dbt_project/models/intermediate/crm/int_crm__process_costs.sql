-- The union over the CRMs: a CRM more is a relation more.
{% set columns -%}
    source_system, account, source_process_cost_id, period_start_date, period_end_date, process, cost_amount, currency_code, is_deleted, _record_number,
    _load_number
{%- endset %}
with

versions as (

    select {{ columns }} from {{ ref('int_files__process_costs') }}

)

select
    *,
    {{ stable_key('source_system', 'account', 'source_process_cost_id') }} as process_cost_key
from versions
qualify row_number() over (partition by source_system, account, source_process_cost_id order by _load_number desc, _record_number desc) = 1
