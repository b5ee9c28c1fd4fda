select
    'files' as source_system,
    _account as account,
    _source_id as source_capacity_id,
    owner_id as source_owner_id,
    week_start as week_start_date,
    meetings as meeting_count,
    active_deals as active_deal_count,
    _is_deleted as is_deleted,
    _record_number,
    _load_number
from {{ ref('stg_files__capacity') }}
