-- What a change of a lead's status means to the hand-off is what its lead's changes up to it say, counted anew; what was taken back means nothing.
with places as (

    select *, row_number() over (partition by lead_key order by changed_at, sequence, _record_number) as place
    from {{ ref('fct_lead_status_changes') }}
    where retracted_at is null

),

-- How an offer ends, by the status that ends it.
ends (status, outcome) as (

    values ('sql', 'accepted'), ('converted', 'accepted'), ('disqualified', 'rejected'), ('recycled', 'recycled'), ('new', 'recycled')

),

so_far as (

    select
        step.status_change_key,
        min(earlier.changed_at) filter (where earlier.new_status = 'mql') as first_mql_at,
        min(earlier.changed_at) filter (where earlier.new_status = 'sql') as first_sql_at,
        max(earlier.changed_at) filter (where earlier.new_status = 'mql' and earlier.place = step.place) as made_at,
        max(earlier.changed_at) filter (where earlier.new_status = 'mql' and earlier.place = step.place - 1) as ended_at
    from places as step
    inner join places as earlier on earlier.lead_key = step.lead_key and earlier.place <= step.place
    group by step.status_change_key

),

last_changes as (

    select * from places qualify row_number() over (partition by lead_key order by place desc) = 1

)

select
    held.status_change_key, held.lead_key, held.changed_at, held.hand_off_outcome, held.offered_at,
    'The dates or the outcome of the hand-off are not what the changes of the lead say: a change is missing, doubled or out of order.' as likely_cause
from {{ ref('fct_lead_status_changes') }} as held
left join so_far on so_far.status_change_key = held.status_change_key
left join ends on ends.status = held.new_status and so_far.ended_at is not null
where
    held.first_mql_at is distinct from so_far.first_mql_at
    or held.first_sql_at is distinct from so_far.first_sql_at
    or held.offered_at is distinct from coalesce(so_far.made_at, so_far.ended_at)
    or held.hand_off_outcome is distinct from case when so_far.made_at is not null then 'offered' else ends.outcome end
union all
select held.status_change_key, held.lead_key, held.changed_at, held.reason, null, 'The criteria are not those of the lead now, or the reason is not the lead''s own.'
from {{ ref('fct_lead_status_changes') }} as held
left join {{ ref('int_crm__lead_criteria') }} as judged on judged.lead_key = held.lead_key
left join {{ ref('int_crm__leads') }} as lead on lead.lead_key = held.lead_key
left join last_changes on last_changes.status_change_key = held.status_change_key
left join {{ ref('int_crm__lead_changes') }} as stated
    on stated.lead_key = held.lead_key and stated.changed_at = held.changed_at and stated.sequence = held.sequence
    and stated._record_number = held._record_number and stated.new_status = held.new_status and stated.known_at = held.known_at
    and stated.retracted_at is not distinct from held.retracted_at
-- what was taken back because the status had been there before is stated as ever
left join {{ ref('int_crm__lead_changes') }} as said_again
    on said_again.lead_key = held.lead_key and said_again.changed_at = held.changed_at and said_again.sequence = held.sequence
    and said_again._record_number = held._record_number and said_again.new_status = held.new_status and said_again.known_at = held.known_at
    and said_again.retracted_at is null
where
    held.criteria_met is distinct from judged.criteria_met
    or held.criteria_failed is distinct from judged.criteria_failed
    or held.reason is distinct from coalesce(
        stated.reason,
        case when held.retracted_at is not null and held.old_status is not distinct from held.new_status then said_again.reason end,
        case when last_changes.new_status = 'disqualified' then lead.disqualified_reason end
    )
