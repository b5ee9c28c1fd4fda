select
    'files' as source_system,
    _account as account,
    _source_id as source_process_cost_id,
    period_start as period_start_date,
    period_end as period_end_date,
    process,
    amount as cost_amount,
    currency_code,
    _is_deleted as is_deleted,
    _record_number,
    _load_number
from {{ ref('stg_files__process_costs') }}
