{{ config(materialized='incremental', incremental_strategy='append', on_schema_change='fail') }}
with

exclusions as (

    select *, load_number as _load_number from {{ ref('int_crm__control_exclusions') }}

),

new_exclusions as (

    select * from exclusions {{ only_new_loads() }}

)

select
    {{ ordered_key('source_system', 'account', 'source_deal_id') }} as deal_key,
    source_system,
    account,
    resource,
    run_id,
    source_deal_id,
    is_left_out,
    _load_number
from new_exclusions
{{ happened_by_then('as_of') }}
