select
    'tryton' as source_system,
    _account as account,
    employee_id as source_owner_id,
    coalesce(name, 'employee ' || employee_id) as owner_name,
    cast(null as varchar) as email,
    cast(null as varchar) as team_name,
    _is_deleted as is_deleted,
    _record_number,
    _load_number
from {{ ref('stg_tryton__employees') }}
