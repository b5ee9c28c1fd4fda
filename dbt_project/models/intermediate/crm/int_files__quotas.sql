select
    'files' as source_system,
    _account as account,
    _source_id as source_quota_id,
    period_start as period_start_date,
    period_end as period_end_date,
    pipeline_id as source_pipeline_id,
    owner_id as source_owner_id,
    amount as quota_amount,
    currency_code,
    _is_deleted as is_deleted,
    _record_number,
    _load_number
from {{ ref('stg_files__quotas') }}
