-- A goal of money won by a seller or by the whole company is a quota for each interval of its duration: the target is for one interval. Goals of
-- other kinds, counts of deals and teams have no quota that could stand for them. Without an end a goal is looked at a year beyond the newest night.
with

currencies as (

    select _account, currency_id, code
    from {{ ref('stg_pipedrive__currencies') }}
    qualify row_number() over (partition by _account, currency_id order by _load_number desc, _record_number desc) = 1

),

goals as (

    select
        *,
        case goal_interval
            when 'weekly' then interval 7 day
            when 'monthly' then interval 1 month
            when 'quarterly' then interval 3 month
            when 'yearly' then interval 1 year
        end as length,
        coalesce(duration_end, cast(max(_extracted_at) over (partition by _account) + interval 1 year as date)) as last_day
    from {{ ref('stg_pipedrive__goals') }}
    where goal_type = 'deals_won' and tracking_metric = 'sum' and assignee_type in ('person', 'company')
        and duration_start is not null

),

periods as (

    select goals.*, cast(unnest(generate_series(cast(duration_start as timestamp), cast(last_day as timestamp), length)) as date) as period_start_date
    from goals
    where length is not null

)

select
    'pipedrive' as source_system,
    goal._account as account,
    goal.goal_id || '/' || goal.period_start_date as source_quota_id,
    goal.period_start_date,
    least(cast(goal.period_start_date + goal.length - interval 1 day as date), goal.last_day) as period_end_date,
    case when len(goal.pipeline_ids) = 1 then goal.pipeline_ids[1] end as source_pipeline_id,
    case when goal.assignee_type = 'person' then goal.assignee_id end as source_owner_id,
    goal.target as quota_amount,
    currency.code as currency_code,
    goal._is_deleted or not goal.is_active as is_deleted,
    goal._record_number,
    goal._load_number
from periods as goal
left join currencies as currency on goal._account = currency._account and goal.currency_id = currency.currency_id
