with fit as (

    select criteria.lead_key, sum(points.points) as fit_points
    from {{ ref('mart_marketing__lead_criteria') }} as criteria
    inner join {{ ref('lead_score_points') }} as points on points.points_for = 'criterion' and points.name = criteria.criterion
    where criteria.is_met
    group by criteria.lead_key

),

-- only what was known when the day of the lead's creation was over: points from later would know the outcome
behaviour as (

    select activities.lead_key, sum(points.points) as behaviour_points
    from {{ ref('mart_marketing__lead_activities') }} as activities
    inner join {{ ref('mart_marketing__leads') }} as leads on leads.lead_key = activities.lead_key
    inner join {{ ref('lead_score_points') }} as points on points.points_for = 'activity' and points.name = activities.activity_type
    where {{ reporting_date('activities.happened_at') }} <= leads.created_date
    group by activities.lead_key

),

scored as (

    select
        leads.*,
        cast(coalesce(fit.fit_points, 0) as bigint) as fit_points,
        cast(coalesce(behaviour.behaviour_points, 0) as bigint) as behaviour_points,
        cast(coalesce(fit.fit_points, 0) + coalesce(behaviour.behaviour_points, 0) as bigint) as score
    from {{ ref('mart_marketing__leads') }} as leads
    left join fit on fit.lead_key = leads.lead_key
    left join behaviour on behaviour.lead_key = leads.lead_key

),

scores as (

    select score, max_by(bands.score_band, bands.from_points) as score_band
    from (select distinct score from scored) as scores
    inner join {{ ref('lead_score_bands') }} as bands on bands.from_points <= scores.score
    group by score

)

select
    scored.lead_key,
    scored.crm_url,
    scored.created_date,
    scored.channel,
    scored.lead_direction,
    scored.owner_key,
    scored.criteria_met,
    scored.criteria_failed,
    scored.fit_points,
    scored.behaviour_points,
    scored.score,
    coalesce(scores.score_band, 'none') as score_band,
    scored.is_customer,
    scored.lead_status
from scored
left join scores on scores.score = scored.score
