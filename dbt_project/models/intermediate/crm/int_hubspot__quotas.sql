-- A goal is set for a user, deals belong to owners: an owner names the user behind it. Only goals of money to be won are quotas; an average
-- deal size or a number of calls is a goal and no quota. Amounts are in the account's own currency.
with

owners as (

    select _account, user_id, owner_id
    from {{ ref('stg_hubspot__owners') }}
    where user_id is not null
    qualify row_number() over (partition by _account, user_id order by archived, _load_number desc, owner_id) = 1

),

accounts as (

    select _account, company_currency
    from {{ ref('stg_hubspot__accounts') }}
    qualify row_number() over (partition by _account order by _load_number desc, _record_number desc) = 1

)

select
    'hubspot' as source_system,
    goal._account as account,
    goal.goal_target_id as source_quota_id,
    cast(goal.hs_start_datetime as date) as period_start_date,
    cast(goal.hs_end_datetime as date) as period_end_date,
    cast(null as varchar) as source_pipeline_id,
    coalesce(owner.owner_id, 'user ' || goal.hs_assignee_user_id) as source_owner_id,
    goal.hs_target_amount as quota_amount,
    account.company_currency as currency_code,
    goal._is_deleted as is_deleted,
    goal._record_number,
    goal._load_number
from {{ ref('stg_hubspot__goal_targets') }} as goal
left join owners as owner on goal._account = owner._account and goal.hs_assignee_user_id = owner.user_id
left join accounts as account on goal._account = account._account
where
    goal.hs_start_datetime is not null and goal.hs_end_datetime is not null
    and coalesce(goal.hs_goal_type ilike '%revenue%', true)
