-- A lead's score is the points of what it meets and of what it had done by the end of its first day, told lead by lead; its band the highest that the score reaches.
with criteria as (

    select leads.lead_key, sum(points.points) as points
    from {{ ref('mart_marketing__leads') }} as leads
    inner join {{ ref('lead_score_points') }} as points
        on points.points_for = 'criterion' and list_contains(string_split(leads.criteria_met, ';'), points.name)
    group by leads.lead_key

),

done as (

    select activities.lead_key, sum(points.points) as points
    from {{ ref('mart_marketing__lead_activities') }} as activities
    inner join {{ ref('mart_marketing__leads') }} as leads on leads.lead_key = activities.lead_key
    inner join {{ ref('lead_score_points') }} as points on points.name = activities.activity_type and points.points_for = 'activity'
    where {{ reporting_date('activities.happened_at') }} <= leads.created_date
    group by activities.lead_key

),

ends as (

    select score_band, from_points, lead(from_points) over (order by from_points) as next_points from {{ ref('lead_score_bands') }}

),

bands as (

    select score_band, count(*) as leads, count(*) filter (where is_customer) as customers, min(score) as lowest, max(score) as highest
    from {{ ref('mart_marketing__scored_leads') }}
    group by score_band

),

everybody as (select sum(leads) as leads, sum(customers) as customers from bands)

select
    cast(leads.lead_key as varchar) as what, scored.score, coalesce(criteria.points, 0) + coalesce(done.points, 0) as counted, scored.score_band, ends.score_band as band_reached,
    'The lead has other points than it meets or did, or another band: look at mart_marketing__scored_leads and the seeds lead_score_points and lead_score_bands.' as likely_cause
from {{ ref('mart_marketing__leads') }} as leads
full join {{ ref('mart_marketing__scored_leads') }} as scored on scored.lead_key = leads.lead_key
left join criteria on criteria.lead_key = leads.lead_key
left join done on done.lead_key = leads.lead_key
left join ends on ends.from_points <= scored.score and (ends.next_points is null or ends.next_points > scored.score)
where leads.lead_key is null
    or scored.lead_key is null
    or scored.fit_points <> coalesce(criteria.points, 0)
    or scored.behaviour_points <> coalesce(done.points, 0)
    or scored.score <> coalesce(criteria.points, 0) + coalesce(done.points, 0)
    or scored.score_band <> coalesce(ends.score_band, 'none')
    or scored.is_customer <> leads.is_customer

union all

select told.score_band, told.lead_count, bands.leads, null, null, 'A band has other leads, customers, ends or another lift than its leads say: look at mart_marketing__lead_scores.'
from {{ ref('mart_marketing__lead_scores') }} as told
full join bands on bands.score_band = told.score_band
cross join everybody
where told.lead_count is distinct from bands.leads
    or told.customer_count <> bands.customers
    or told.lowest_score <> bands.lowest
    or told.highest_score <> bands.highest
    or abs(told.lift_ratio - told.conversion_rate * everybody.leads / everybody.customers) > 1e-9
    or (told.lift_ratio is null) <> (everybody.customers = 0)
