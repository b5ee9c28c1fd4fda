select
    'pipedrive' as source_system,
    _account as account,
    user_id as source_owner_id,
    coalesce(nullif(trim(name), ''), 'user ' || user_id) as owner_name,
    email,
    cast(null as varchar) as team_name,
    is_deleted or _is_deleted or not active_flag as is_deleted,
    _record_number,
    _load_number
from {{ ref('stg_pipedrive__users') }}
