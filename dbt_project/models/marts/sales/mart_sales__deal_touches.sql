with as_of as (

    select max(warehouse_data_through) as data_through
    from {{ ref('dim_sources') }}

)

-- a meeting nobody came to is no touch, nor is one that is still to come
select
    activities.deal_key,
    count(*) filter (where activities.activity_type = 'email') > 0 as has_email,
    count(*) filter (where activities.activity_type = 'call') > 0 as has_telephone,
    count(*) filter (where activities.activity_type = 'meeting') > 0 as has_meeting,
    count(*) filter (where activities.activity_type = 'presentation') > 0 as has_presentation,
    count(*) filter (where activities.activity_type = 'trial') > 0 as has_trial,
    min(activities.happened_at) filter (where activities.activity_type = 'presentation') as first_presentation_at,
    count(*) as touch_count
from {{ ref('fct_activities') }} as activities
cross join as_of
where activities.deal_key is not null
    and activities.activity_type in ('email', 'call', 'meeting', 'presentation', 'trial')
    and not activities.is_deleted
    and coalesce(activities.outcome, '') <> 'missed'
    and activities.happened_at <= as_of.data_through
group by activities.deal_key
