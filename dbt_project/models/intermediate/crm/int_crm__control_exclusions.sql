-- The totals certainly do not hold a deal that was left out; any other of these they may hold.
select distinct
    source_system,
    account,
    resource,
    run_id,
    load_number,
    as_of,
    unnest(left_out_ids) as source_deal_id,
    true as is_left_out
from {{ source('raw', '_control_totals') }}
union all
select distinct
    source_system,
    account,
    resource,
    run_id,
    load_number,
    as_of,
    unnest(excluded_ids),
    false
from {{ source('raw', '_control_totals') }}
