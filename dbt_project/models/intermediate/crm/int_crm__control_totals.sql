-- A row without currency and amount counts all currencies, any other row its own. A list of ids knows what was erased without a trace.
select
    total.source_system,
    total.account,
    total.resource,
    total.run_id,
    total.load_number,
    total.as_of,
    load.extracted_at,
    coalesce(load.sweep_of is not null or load.mode = 'complete', false) as is_listed,
    total.pipeline_id as source_pipeline_id,
    total.stage_id as source_stage_id,
    total.currency_code,
    total.currency_code is null and total.deal_amount is null as is_all_currencies,
    total.deal_count,
    total.deal_amount
from {{ source('raw', '_control_totals') }} as total
left join (
    select load_number, max(extracted_at) as extracted_at, max(sweep_of) as sweep_of, max(mode) as mode
    from {{ source('raw', '_loads') }}
    group by load_number
) as load on total.load_number = load.load_number
