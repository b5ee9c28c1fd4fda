select
    'hubspot' as source_system,
    _account as account,
    owner_id as source_owner_id,
    coalesce(nullif(trim(coalesce(first_name, '') || ' ' || coalesce(last_name, '')), ''), 'owner ' || owner_id) as owner_name,
    email as email,
    team_name as team_name,
    archived or _is_deleted as is_deleted,
    _record_number,
    _load_number
from {{ ref('stg_hubspot__owners') }}
