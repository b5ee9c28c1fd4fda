-- A lead may wait in a queue: it owns as a user does.
select
    'salesforce' as source_system,
    _account as account,
    user_id as source_owner_id,
    coalesce(name, 'user ' || user_id) as owner_name,
    email,
    department as team_name,
    not is_active or _is_deleted as is_deleted,
    _record_number,
    _load_number
from {{ ref('stg_salesforce__users') }}
union all
select
    'salesforce', _account, group_id, coalesce(name, 'queue ' || group_id), null, null, _is_deleted, _record_number, _load_number
from {{ ref('stg_salesforce__groups') }}
