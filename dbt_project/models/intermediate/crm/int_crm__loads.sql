select
    source_system,
    account,
    resource,
    run_id,
    load_number,
    data_through
from {{ source('raw', '_loads') }}
