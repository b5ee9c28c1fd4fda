with as_of as (

    select max(warehouse_data_through) as data_through
    from {{ ref('dim_sources') }}

),

activities as (

    select
        activities.activity_key, activities.lead_key, activities.contact_key, activities.activity_type, activities.happened_at,
        {{ is_human_touch('activities') }} as is_human_touch
    from {{ ref('fct_activities') }} as activities
    cross join as_of
    where not activities.is_deleted and activities.happened_at <= as_of.data_through

),

-- a CRM that turns a lead into a contact moves its activities along: they belong to the contact's latest lead
told_by_contact as (

    select contact_key, lead_key as contact_lead_key, created_at as happened_at, cast(null as {{ key_type() }}) as activity_key,
        cast(null as varchar) as activity_type, false as is_human_touch
    from {{ ref('mart_marketing__leads') }}
    where contact_key is not null

    union all

    select contact_key, null, happened_at, activity_key, activity_type, is_human_touch
    from activities
    where lead_key is null and contact_key is not null

),

followed as (

    select
        activity_key, activity_type, happened_at, is_human_touch,
        last_value(contact_lead_key ignore nulls) over (
            partition by contact_key order by happened_at, activity_key nulls first, contact_lead_key
            rows between unbounded preceding and current row
        ) as lead_key
    from told_by_contact

)

select activities.activity_key, activities.lead_key, activities.activity_type, activities.happened_at, activities.is_human_touch
from activities
inner join {{ ref('mart_marketing__leads') }} as leads on leads.lead_key = activities.lead_key

union all

select activity_key, lead_key, activity_type, happened_at, is_human_touch
from followed
where activity_key is not null and lead_key is not null
