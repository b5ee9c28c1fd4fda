-- Every inbound lead is one request, answered, unanswered or waiting; every presentation that took place counts once; every cut lead too.
with totals as (

    select 'requests' as what, period_grain, dimension, sum(attempted_count + waiting_count) as told, sum(answered_count + unanswered_count + waiting_count) as parts
    from {{ ref('mart_marketing__responses') }}
    where response_kind = 'first_request'
    group by period_grain, dimension
    union all
    select 'presentations', period_grain, dimension, sum(presentation_count + waiting_count), sum(presentation_count + waiting_count)
    from {{ ref('mart_marketing__follow_ups') }}
    group by period_grain, dimension
    union all
    select 'cut leads', period_grain, dimension, sum(cut_count), sum(cut_count)
    from {{ ref('mart_marketing__lead_filter') }}
    group by period_grain, dimension

),

wanted as (

    select 'requests' as what, count(*) as counted
    from {{ ref('dim_leads') }} where not is_deleted and lead_direction = 'inbound'
    union all
    select 'presentations', count(*)
    from {{ ref('fct_activities') }}
    where activity_type = 'presentation' and outcome is distinct from 'missed' and not is_deleted
        and coalesce(deal_key, lead_key, contact_key) is not null
        and happened_at <= (select max(warehouse_data_through) from {{ ref('dim_sources') }})
    union all
    select 'cut leads', count(distinct changes.lead_key)
    from {{ ref('fct_lead_status_changes') }} as changes
    inner join {{ ref('dim_leads') }} as leads on leads.lead_key = changes.lead_key
    where changes.new_status = 'disqualified' and changes.retracted_at is null and not leads.is_deleted

)

select
    totals.what, totals.period_grain, totals.dimension, totals.told, totals.parts, wanted.counted,
    'One is lost or doubled between core and the marts of marketing, or counts in two parts.' as likely_cause
from totals
inner join wanted on wanted.what = totals.what
where totals.told <> wanted.counted or totals.parts <> totals.told
union all
-- a contact that we tried to reach may count in many weeks, but in all of them once
select
    'contacts', responses.period_grain, responses.dimension_key, responses.attempted_count + responses.waiting_count, null, attempts.contact_count,
    'The contacts of all time are not those of the attempts.'
from {{ ref('mart_marketing__responses') }} as responses
inner join (
    select method, count(distinct contact_key) as contact_count from {{ ref('mart_marketing__contact_attempts') }} group by method
) as attempts on attempts.method = responses.dimension_key
where responses.response_kind = 'contact_attempt' and responses.period_grain = 'all'
    and responses.attempted_count + responses.waiting_count <> attempts.contact_count

union all
-- a presentation counts as followed up or not once the day for it is over
select
    'presentations followed up', told.period_grain, told.dimension, told.presentation_count, told.followed_up_count, counted.presentation_count,
    'A presentation waits that does not, or counts too early: look at mart_marketing__follow_ups.'
from (
    select period_grain, dimension, sum(presentation_count) as presentation_count, sum(followed_up_count) as followed_up_count
    from {{ ref('mart_marketing__follow_ups') }}
    group by period_grain, dimension
) as told
cross join (
    select
        sum(case when is_waiting then 0 else 1 end) as presentation_count,
        sum(case when is_followed_up and not is_waiting then 1 else 0 end) as followed_up_count
    from {{ ref('mart_marketing__presentations') }}
) as counted
where told.presentation_count <> counted.presentation_count or told.followed_up_count <> counted.followed_up_count
union all
-- an attempt is an activity of that contact that stands
select 'attempt', cast(attempts.activity_key as varchar), attempts.method, null, null, null, 'The attempt was deleted, or is none: look at mart_marketing__contact_attempts.'
from {{ ref('mart_marketing__contact_attempts') }} as attempts
left join {{ ref('fct_activities') }} as activities
    on activities.activity_key = attempts.activity_key and activities.contact_key = attempts.contact_key and not activities.is_deleted
where activities.activity_key is null
