-- An activity hangs on a lead or a contact by one id and on an opportunity by another: the first three characters say what an id names.
with

machines as (

    select distinct _account, user_id from {{ ref('stg_salesforce__users') }} where user_type in ('AutomatedProcess', 'CloudIntegrationUser')

),

activities as (

    select
        _account, task_id as activity_id, who_id, what_id, owner_id, created_by_id,
        case task_subtype when 'Call' then 'call' when 'Email' then 'email' else 'task' end as activity_type,
        coalesce(completed_date_time, cast(activity_date as timestamp), created_date) as happened_at,
        case
            when task_subtype = 'Call' and call_type is not null then case call_type when 'Inbound' then 'inbound' else 'outbound' end
            when task_subtype in ('Call', 'Email') then case when is_incoming then 'inbound' else 'outbound' end
        end as direction,
        case
            when task_subtype = 'Call' and call_disposition ilike 'no %' then 'unanswered'
            when task_subtype = 'Call' and call_disposition is not null then 'answered'
        end as outcome,
        _is_deleted, _record_number, _load_number
    from {{ ref('stg_salesforce__tasks') }}
    union all
    select
        _account, event_id, who_id, what_id, owner_id, created_by_id,
        case when lower(type) in ('presentation', 'demo') then 'presentation' when lower(type) = 'trial' then 'trial' else 'meeting' end,
        coalesce(start_date_time, cast(activity_date as timestamp), created_date),
        null, null, _is_deleted, _record_number, _load_number
    from {{ ref('stg_salesforce__events') }}

)

select
    'salesforce' as source_system,
    activity._account as account,
    activity.activity_id as source_activity_id,
    activity.activity_type,
    activity.happened_at,
    case when activity.what_id like '006%' then activity.what_id end as source_deal_id,
    case when activity.who_id like '00Q%' then activity.who_id end as source_lead_id,
    case when activity.who_id like '003%' then activity.who_id end as source_contact_id,
    activity.owner_id as source_owner_id,
    activity.direction,
    machine.user_id is not null as is_automated,
    activity.outcome,
    activity._is_deleted as is_deleted,
    activity._record_number,
    activity._load_number
from activities as activity
left join machines as machine on activity._account = machine._account and activity.created_by_id = machine.user_id
