select distinct
    source_system,
    account,
    resource,
    run_id,
    load_number,
    as_of,
    unnest(excluded_ids) as source_deal_id
from {{ source('raw', '_control_totals') }}
