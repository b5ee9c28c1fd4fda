select
    entry.capacity_key,
    entry.source_system,
    entry.source_capacity_id,
    entry.week_start_date,
    coalesce(meant_owner.entity_key, {{ unknown_key() }}) as owner_key,
    entry.meeting_count,
    entry.active_deal_count
from {{ ref('int_crm__capacity') }} as entry
left join {{ ref('int_crm__references') }} as meant_owner
    on meant_owner.entity = 'owner' and entry.source_system = meant_owner.source_system and entry.account = meant_owner.account
    and entry.source_owner_id = meant_owner.source_id
where not entry.is_deleted
