{{ config(materialized='incremental', incremental_strategy='append', on_schema_change='fail') }}
with

totals as (

    select *, load_number as _load_number from {{ ref('int_crm__control_totals') }}

),

new_totals as (

    select * from totals {{ only_new_loads() }}

)

select
    {{ stable_key('source_system', 'account', "resource || '|' || run_id || '|' || case when is_all_currencies then 'all' else 'each' end") }} as control_key,
    source_system,
    account,
    resource,
    run_id,
    as_of as as_of_at,
    extracted_at as listed_at,
    is_listed,
    is_all_currencies,
    {{ stable_key('source_system', 'account', 'source_pipeline_id') }} as pipeline_key,
    {{ stable_key('source_system', 'account', "source_pipeline_id || '|' || source_stage_id") }} as stage_key,
    source_pipeline_id,
    source_stage_id,
    currency_code,
    deal_count,
    deal_amount,
    _load_number
from new_totals
{{ happened_by_then('as_of') }}
