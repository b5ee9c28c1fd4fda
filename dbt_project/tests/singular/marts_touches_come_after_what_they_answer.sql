-- The first touch behind a hand-off, the first answer to an attempt, the next touch behind a presentation: found one by one, not by looking along an order.
with first_touches as (

    select offers.offer_key, min(activities.happened_at) as first_touch_at
    from {{ ref('mart_marketing__offers') }} as offers
    inner join {{ ref('mart_marketing__lead_activities') }} as activities
        on activities.lead_key = offers.lead_key and activities.is_human_touch and activities.happened_at >= offers.offered_at
    group by offers.offer_key

),

answers as (

    select attempts.activity_key, min(answers.happened_at) as next_answer_at
    from {{ ref('mart_marketing__contact_attempts') }} as attempts
    inner join {{ ref('fct_activities') }} as answers
        on answers.contact_key = attempts.contact_key and answers.direction = 'inbound' and not answers.is_deleted and not answers.is_automated
        and case answers.activity_type when 'call' then 'telephone' else answers.activity_type end = attempts.method
        and answers.happened_at > attempts.attempted_at
    group by attempts.activity_key

),

decisions as (

    select
        lead_key, offered_at,
        max(case when hand_off_outcome <> 'offered' then hand_off_outcome end) as decision,
        max(case when hand_off_outcome <> 'offered' then changed_at end) as decided_at
    from {{ ref('fct_lead_status_changes') }}
    where retracted_at is null and hand_off_outcome is not null
    group by lead_key, offered_at

)

select
    'mart_marketing__offers' as mart, offers.offer_key as row_key, offers.first_touch_at as told, first_touches.first_touch_at as counted,
    'A hand-off has another first touch, outcome or reason than its lead''s history: look at the mart named.' as likely_cause
from {{ ref('mart_marketing__offers') }} as offers
left join first_touches on first_touches.offer_key = offers.offer_key
left join decisions on decisions.lead_key = offers.lead_key and decisions.offered_at = offers.offered_at
where offers.first_touch_at is distinct from first_touches.first_touch_at
    or (offers.hours_to_touch is null) <> (offers.first_touch_at is null)
    or abs(offers.hours_to_touch - {{ hours_between('offers.offered_at', 'offers.first_touch_at') }}) > 1e-6
    or (offers.is_on_time and offers.first_touch_at is null)
    or (offers.is_waiting and offers.first_touch_at is not null)
    or offers.hand_off_outcome is distinct from coalesce(decisions.decision, 'undecided')
    or offers.decided_at is distinct from decisions.decided_at
    or (offers.reason is not null) <> (offers.hand_off_outcome in ('rejected', 'recycled'))

union all

select 'mart_marketing__contact_attempts', attempts.activity_key, attempts.next_answer_at, answers.next_answer_at, 'An attempt has another answer than the contact''s activities.'
from {{ ref('mart_marketing__contact_attempts') }} as attempts
left join answers on answers.activity_key = attempts.activity_key
where attempts.next_answer_at is distinct from answers.next_answer_at

union all

select 'mart_marketing__first_requests', requests.lead_key, requests.first_answer_at, requests.requested_at, 'A request is answered before it came, or its hours are not those between.'
from {{ ref('mart_marketing__first_requests') }} as requests
where requests.first_answer_at < requests.requested_at
    or (requests.hours_to_answer is null) <> (requests.first_answer_at is null)
    or abs(requests.hours_to_answer - {{ hours_between('requests.requested_at', 'requests.first_answer_at') }}) > 1e-6
    or (requests.is_answered_in_time and requests.first_answer_at is null)

union all

select 'mart_marketing__presentations', shown.activity_key, shown.next_touch_at, shown.presented_at, 'A presentation is followed up by a touch before it.'
from {{ ref('mart_marketing__presentations') }} as shown
where shown.next_touch_at < shown.presented_at or (shown.is_followed_up and shown.next_touch_at is null)
