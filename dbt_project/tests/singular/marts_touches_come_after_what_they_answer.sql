-- The first touch behind a hand-off, the first answer to a request or an attempt, the next touch behind a presentation: found one by one, not by looking along an order;
-- and what came by its limit was in time.
with ends as (

    select
    {% for name, unit in [('hand_off', 'hour'), ('first_request', 'hour'), ('response', 'day')] -%}
    cast(max(case when limit_name = '{{ name }}' then limit_value end) as integer) * interval 1 {{ unit }} as {{ name }}_limit,
    {% endfor -%}
    (select max(warehouse_data_through) from {{ ref('dim_sources') }}) as data_through
    from {{ ref('limits') }}

),

first_answers as (

    select requests.lead_key, min(activities.happened_at) as first_answer_at
    from {{ ref('mart_marketing__first_requests') }} as requests
    inner join {{ ref('mart_marketing__lead_activities') }} as activities
        on activities.lead_key = requests.lead_key and activities.is_human_touch and activities.happened_at >= requests.requested_at
    group by requests.lead_key

),

touches as (

    select coalesce(deal_key, lead_key, contact_key) as subject_key, activity_key, happened_at
    from {{ ref('fct_activities') }}
    where not is_deleted and happened_at <= (select data_through from ends)
        and outcome is distinct from 'missed'
        and (activity_type = 'presentation'
            or (activity_type in ('call', 'email', 'meeting', 'trial', 'customer_success') and direction is distinct from 'inbound' and not is_automated))

),

next_touches as (

    select shown.activity_key, min(later.happened_at) as next_touch_at
    from {{ ref('mart_marketing__presentations') }} as shown
    inner join touches as this on this.activity_key = shown.activity_key
    inner join touches as later
        on later.subject_key = this.subject_key
        and (later.happened_at > this.happened_at or (later.happened_at = this.happened_at and later.activity_key > this.activity_key))
    group by shown.activity_key

),

first_touches as (

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
cross join ends
left join first_touches on first_touches.offer_key = offers.offer_key
left join decisions on decisions.lead_key = offers.lead_key and decisions.offered_at = offers.offered_at
where offers.first_touch_at is distinct from first_touches.first_touch_at
    or (offers.hours_to_touch is null) <> (offers.first_touch_at is null)
    or abs(offers.hours_to_touch - {{ hours_between('offers.offered_at', 'offers.first_touch_at') }}) > 1e-6
    or offers.is_on_time <> coalesce(offers.first_touch_at <= offers.offered_at + ends.hand_off_limit, false)
    or offers.is_waiting <> (offers.first_touch_at is null and ends.data_through <= offers.offered_at + ends.hand_off_limit)
    or offers.hand_off_outcome is distinct from coalesce(decisions.decision, 'undecided')
    or offers.decided_at is distinct from decisions.decided_at
    or (offers.reason is not null) <> (offers.hand_off_outcome in ('rejected', 'recycled'))

union all

select 'mart_marketing__contact_attempts', attempts.activity_key, attempts.next_answer_at, answers.next_answer_at, 'An attempt has another answer than the contact''s activities.'
from {{ ref('mart_marketing__contact_attempts') }} as attempts
inner join {{ ref('fct_activities') }} as activities on activities.activity_key = attempts.activity_key
cross join ends
left join answers on answers.activity_key = attempts.activity_key
where attempts.next_answer_at is distinct from answers.next_answer_at
    or attempts.is_answered
    <> (coalesce(activities.outcome in ('answered', 'held'), false) or coalesce(answers.next_answer_at <= attempts.attempted_at + ends.response_limit, false))
    or attempts.is_waiting <> (ends.data_through < attempts.attempted_at + ends.response_limit)

union all

select 'mart_marketing__first_requests', requests.lead_key, requests.first_answer_at, first_answers.first_answer_at, 'A request has another first answer than its lead''s activities, or is in time by another limit.'
from {{ ref('mart_marketing__first_requests') }} as requests
cross join ends
left join first_answers on first_answers.lead_key = requests.lead_key
where requests.first_answer_at is distinct from first_answers.first_answer_at
    or (requests.hours_to_answer is null) <> (requests.first_answer_at is null)
    or abs(requests.hours_to_answer - {{ hours_between('requests.requested_at', 'requests.first_answer_at') }}) > 1e-6
    or requests.is_answered_in_time <> coalesce(requests.first_answer_at <= requests.requested_at + ends.first_request_limit, false)
    or requests.is_waiting <> (ends.data_through < requests.requested_at + ends.first_request_limit)

union all

select 'mart_marketing__presentations', shown.activity_key, shown.next_touch_at, next_touches.next_touch_at, 'A presentation has another next touch than its deal, lead or contact.'
from {{ ref('mart_marketing__presentations') }} as shown
left join next_touches on next_touches.activity_key = shown.activity_key
where shown.next_touch_at is distinct from next_touches.next_touch_at or (shown.is_followed_up and shown.next_touch_at is null)
