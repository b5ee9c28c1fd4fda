-- The ledger of leads is what was stated: per lead, each change that stands begins at the status that the one before it left, the first at none, and
-- none leaves what it found. What was taken back is there too, and so is what was a change until it came out that the status had been there before.
-- Nothing else is.
with stated as (

    select
        *,
        lag(new_status) over (partition by lead_key, retracted_at is null order by changed_at, sequence, _record_number) as left_before
    from {{ ref('int_crm__lead_changes') }}

),

wanted as (

    select lead_key, new_status, changed_at, sequence, _record_number, known_at, retracted_at, change_source, left_before
    from stated
    where retracted_at is not null or new_status is distinct from left_before

),

held as (

    select distinct ledger.*
    from {{ ref('fct_lead_status_changes') }} as ledger
    left join stated as said_again
        on said_again.lead_key = ledger.lead_key and said_again.changed_at = ledger.changed_at and said_again.sequence = ledger.sequence
        and said_again._record_number = ledger._record_number and said_again.new_status = ledger.new_status
        and said_again.known_at = ledger.known_at and said_again.retracted_at is null and said_again.left_before = said_again.new_status
    -- it came out when the change that had brought the status became known
    left join stated as earlier
        on earlier.lead_key = ledger.lead_key and earlier.known_at = ledger.retracted_at and earlier.new_status = ledger.new_status
        and earlier.changed_at <= ledger.changed_at and earlier.retracted_at is null
    where said_again.lead_key is null or earlier.lead_key is null or coalesce(ledger.retracted_at <= ledger.known_at, true)

)

select
    coalesce(wanted.lead_key, held.lead_key) as lead_key, coalesce(wanted.changed_at, held.changed_at) as changed_at,
    held.old_status, held.new_status, wanted.left_before as status_before, wanted.new_status as stated_status,
    case
        when held.lead_key is null then 'A change that was stated, or taken back, is not in fct_lead_status_changes: it was lost on the way.'
        when wanted.lead_key is null then 'A change is in fct_lead_status_changes that nobody stated, or that changes nothing.'
        else 'The chain of statuses is broken: a change is missing, doubled or out of order in fct_lead_status_changes.'
    end as likely_cause
from wanted
full join held
    on held.lead_key = wanted.lead_key and held.new_status = wanted.new_status and held.changed_at = wanted.changed_at
    and held.sequence = wanted.sequence and held._record_number = wanted._record_number and held.known_at = wanted.known_at
    and held.retracted_at is not distinct from wanted.retracted_at and held.change_source = wanted.change_source
where
    held.lead_key is null
    or wanted.lead_key is null
    or (wanted.retracted_at is null and held.old_status is distinct from wanted.left_before)
