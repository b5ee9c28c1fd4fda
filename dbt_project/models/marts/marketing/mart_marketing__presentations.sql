with as_of as (

    select max(warehouse_data_through) as data_through, {{ reporting_date('max(warehouse_data_through)') }} as as_of_date
    from {{ ref('dim_sources') }}

),

-- business days count up from Monday to Friday; Saturday and Sunday have Friday's number
business_days as (

    select calendar_date, sum(case when is_weekend then 0 else 1 end) over (order by calendar_date) as business_day_number
    from {{ ref('dim_dates') }}

),

limits as (

    {{ declared_limits(['follow_up']) }}
    from {{ ref('limits') }}

),

touches as (

    select
        activities.activity_key, activities.deal_key, activities.owner_key, activities.happened_at,
        coalesce(activities.deal_key, activities.lead_key, activities.contact_key) as subject_key,
        activities.activity_type = 'presentation' as is_presentation
    from {{ ref('fct_activities') }} as activities
    cross join as_of
    where not activities.is_deleted
        and activities.happened_at <= as_of.data_through
        and coalesce(activities.deal_key, activities.lead_key, activities.contact_key) is not null
        and (
            {{ is_human_touch('activities') }}
            or (activities.activity_type = 'presentation' and coalesce(activities.outcome, 'none') <> 'missed')
        )

),

followed as (

    select
        *,
        min(happened_at) over (
            partition by subject_key order by happened_at, activity_key rows between 1 following and unbounded following
        ) as next_touch_at
    from touches

),

presentations as (

    select
        followed.*,
        {{ reporting_date('followed.happened_at') }} as presented_date,
        {{ reporting_date('followed.next_touch_at') }} as next_touch_date
    from followed
    where followed.is_presentation

),

judged as (

    select
        presentations.*,
        coalesce(touched.business_day_number <= presented.business_day_number + limits.follow_up_limit, false) as is_followed_up,
        -- the last day for it is not over
        today.business_day_number <= presented.business_day_number + limits.follow_up_limit as is_waiting
    from presentations
    cross join limits
    inner join business_days as presented on presented.calendar_date = presentations.presented_date
    left join business_days as touched on touched.calendar_date = presentations.next_touch_date
    cross join (select max(business_day_number) as business_day_number from business_days inner join as_of on calendar_date = as_of_date) as today

)

select
    judged.activity_key,
    judged.deal_key,
    deals.crm_url,
    judged.happened_at as presented_at,
    judged.presented_date,
    judged.owner_key,
    coalesce(owners.team_name, 'unknown') as team_name,
    coalesce(deals.pipeline_key, {{ unknown_key() }}) as pipeline_key,
    judged.next_touch_at,
    judged.is_followed_up,
    judged.is_waiting
from judged
left join {{ ref('dim_deals') }} as deals on deals.deal_key = judged.deal_key
left join {{ ref('dim_owners') }} as owners on owners.owner_key = judged.owner_key
