select
    'files' as source_system,
    _account as account,
    activity_id as source_activity_id,
    activity_type,
    happened_at,
    deal_id as source_deal_id,
    lead_id as source_lead_id,
    contact_id as source_contact_id,
    owner_id as source_owner_id,
    direction,
    is_automated,
    outcome,
    _is_deleted as is_deleted,
    _record_number,
    _load_number
from {{ ref('stg_files__activities') }}
