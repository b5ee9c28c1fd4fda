select
    owner_key,
    source_system,
    source_owner_id,
    owner_name,
    team_name,
    is_deleted,
    cast(null as {{ key_type() }}) as merged_into_owner_key,
    cast(null as varchar) as crm_url
from {{ ref('int_crm__owners') }}
union all
-- Named by a deal or an activity, listed nowhere.
select
    {{ stable_key('seen.source_system', 'seen.account', 'seen.source_id') }},
    seen.source_system,
    seen.source_id,
    'owner ' || seen.source_id,
    null,
    true,
    null,
    null
from {{ ref('int_crm__references_seen') }} as seen
left join {{ ref('int_crm__owners') }} as owner
    on seen.source_system = owner.source_system and seen.account = owner.account and seen.source_id = owner.source_owner_id
where seen.reference = 'owner' and owner.owner_key is null
group by seen.source_system, seen.account, seen.source_id
union all
select {{ unknown_key() }}, 'unknown', null, 'nobody', null, false, null, null
