select
    source_key,
    source_system,
    account,
    data_through,
    warehouse_data_through,
    is_in_latest_run,
    {{ hours_between('data_through', 'warehouse_data_through') }} as hours_behind,
    data_through < warehouse_data_through as is_behind
from {{ ref('dim_sources') }}
