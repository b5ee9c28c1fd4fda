-- Forecasts count in months unless the org says otherwise: a quota names its first day only.
select
    'salesforce' as source_system,
    _account as account,
    quota_id as source_quota_id,
    start_date as period_start_date,
    last_day(start_date) as period_end_date,
    cast(null as varchar) as source_pipeline_id,
    quota_owner_id as source_owner_id,
    quota_amount,
    currency_iso_code as currency_code,
    _is_deleted as is_deleted,
    _record_number,
    _load_number
from {{ ref('stg_salesforce__forecasting_quotas') }}
