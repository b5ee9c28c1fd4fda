{%- set kinds = {
    'calls': {
        'type': "'call'",
        'direction': "case hs_call_direction when 'INBOUND' then 'inbound' when 'OUTBOUND' then 'outbound' end",
        'outcome': "case when hs_call_status = 'COMPLETED' then 'answered' when hs_call_status in ('NO_ANSWER', 'BUSY', 'FAILED', 'MISSED') then 'unanswered' end",
    },
    'emails': {
        'type': "'email'",
        'direction': "case hs_email_direction when 'INCOMING_EMAIL' then 'inbound' when 'EMAIL' then 'outbound' when 'FORWARDED_EMAIL' then 'outbound' end",
        'outcome': 'cast(null as varchar)',
    },
    'meetings': {
        'type': "case when lower(hs_activity_type) in ('presentation', 'demo') then 'presentation' when lower(hs_activity_type) = 'trial' then 'trial' else 'meeting' end",
        'direction': 'cast(null as varchar)',
        'outcome': "case hs_meeting_outcome when 'COMPLETED' then 'held' when 'NO_SHOW' then 'missed' when 'CANCELED' then 'missed' end",
    },
    'tasks': {'type': "'task'", 'direction': 'cast(null as varchar)', 'outcome': 'cast(null as varchar)'},
    'notes': {'type': "'note'", 'direction': 'cast(null as varchar)', 'outcome': 'cast(null as varchar)'},
} -%}
{% for name, kind in kinds.items() %}
select
    'hubspot' as source_system,
    _account as account,
    '{{ name }}/' || activity_id as source_activity_id,
    {{ kind.type }} as activity_type,
    hs_timestamp as happened_at,
    deal_id as source_deal_id,
    lead_id as source_lead_id,
    contact_id as source_contact_id,
    hubspot_owner_id as source_owner_id,
    {{ kind.direction }} as direction,
    coalesce(hs_object_source in ('AUTOMATION_PLATFORM', 'BOT', 'SALES_SEQUENCE'), false) as is_automated,
    {{ kind.outcome }} as outcome,
    _is_deleted as is_deleted,
    _record_number,
    _load_number
from {{ ref('stg_hubspot__' ~ name) }}
{% if not loop.last %}union all{% endif %}
{%- endfor %}
