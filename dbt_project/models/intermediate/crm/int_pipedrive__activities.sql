-- Types are the account's own; those that Pipedrive brings along are known. Neither direction nor authorship by a machine is kept.
select
    'pipedrive' as source_system,
    _account as account,
    activity_id as source_activity_id,
    case
        when lower(type) in ('call', 'email', 'meeting', 'task', 'presentation', 'trial', 'note') then lower(type)
        when lower(type) = 'demo' then 'presentation'
        when lower(type) = 'lunch' then 'meeting'
        else 'task'
    end as activity_type,
    coalesce(due_at, add_time) as happened_at,
    deal_id as source_deal_id,
    lead_id as source_lead_id,
    person_id as source_contact_id,
    owner_id as source_owner_id,
    cast(null as varchar) as direction,
    false as is_automated,
    case when lower(type) in ('meeting', 'lunch') and done then 'held' end as outcome,
    _is_deleted as is_deleted,
    _record_number,
    _load_number
from {{ ref('stg_pipedrive__activities') }}
