select
    'files' as source_system,
    _account as account,
    owner_id as source_owner_id,
    owner_name as owner_name,
    email as email,
    team as team_name,
    _is_deleted as is_deleted,
    _record_number,
    _load_number
from {{ ref('stg_files__owners') }}
