with limits as (

    {{ declared_limits(['response']) }}
    from {{ ref('limits') }}

),

as_of as (

    select max(warehouse_data_through) as data_through
    from {{ ref('dim_sources') }}

),

contacts_touched as (

    select
        activity_key, contact_key, happened_at, outcome, deal_key, lead_key,
        case activity_type when 'call' then 'telephone' else activity_type end as method,
        coalesce(direction, 'outbound') = 'outbound' as is_attempt
    from {{ ref('fct_activities') }}
    where activity_type in ('email', 'call', 'meeting') and contact_key is not null and not is_deleted
        and not (is_automated and coalesce(direction, 'outbound') = 'inbound')  -- an automatic reply is no answer

),

followed as (

    select
        *,
        -- an inbound activity at the very instant of the attempt came before it
        min(case when not is_attempt then happened_at end) over (
            partition by contact_key, method order by happened_at, is_attempt
            rows between 1 following and unbounded following
        ) as next_answer_at
    from contacts_touched

)

select
    followed.activity_key,
    followed.contact_key,
    followed.deal_key,
    followed.lead_key,
    followed.method,
    followed.happened_at as attempted_at,
    {{ reporting_date('followed.happened_at') }} as attempted_date,
    followed.next_answer_at,
    coalesce(followed.outcome in ('answered', 'held'), false)
        or coalesce({{ hours_between('followed.happened_at', 'followed.next_answer_at') }} / 24 <= limits.response_limit, false) as is_answered,
    {{ hours_between('followed.happened_at', 'as_of.data_through') }} / 24 < limits.response_limit as is_waiting
from followed
inner join {{ ref('mart_marketing__contact_permissions') }} as permissions on permissions.contact_key = followed.contact_key
cross join limits
cross join as_of
-- only whom we were permitted to turn to at that time
where followed.is_attempt
    and followed.happened_at <= as_of.data_through
    and permissions.permitted_from <= followed.happened_at
    and (permissions.permitted_until is null or permissions.permitted_until > followed.happened_at)
