-- What a lead has won is a win that stands; an activity that names a contact alone is its latest lead's.
with as_of as (

    select max(warehouse_data_through) as data_through from {{ ref('dim_sources') }}

),

latest as (

    select
        activities.activity_key,
        max({'created_at': leads.created_at, 'lead_key': leads.lead_key}).lead_key as lead_key
    from {{ ref('fct_activities') }} as activities
    inner join {{ ref('mart_marketing__leads') }} as leads on leads.contact_key = activities.contact_key and leads.created_at <= activities.happened_at
    where activities.lead_key is null and not activities.is_deleted and activities.happened_at <= (select data_through from as_of)
    group by activities.activity_key

)

select
    cast(wins.lead_key as varchar) as lead_key, cast(wins.deal_key as varchar) as other_key,
    'The lead has won a deal that is not won: look at mart_marketing__lead_wins.' as likely_cause
from {{ ref('mart_marketing__lead_wins') }} as wins
left join {{ ref('mart_sales__closes') }} as closes
    on closes.deal_key = wins.deal_key and closes.closed_at = wins.won_at and closes.close_group = 'won' and not closes.is_removed
where closes.deal_key is null

union all

select
    cast(latest.lead_key as varchar), cast(latest.activity_key as varchar),
    'The activity of the contact belongs to another lead, or to none: look at mart_marketing__lead_activities.'
from latest
left join {{ ref('mart_marketing__lead_activities') }} as told on told.activity_key = latest.activity_key
where told.lead_key is distinct from latest.lead_key
