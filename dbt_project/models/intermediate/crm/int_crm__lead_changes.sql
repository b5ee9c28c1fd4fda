-- Every change of every lead's status: from the CRM's history where it keeps one, else as observed or inferred.
with

changed_leads as (

    select * from {{ ref('int_crm__leads') }} {{ only_new_loads() }}

),

recorded as (

    select
        history.lead_key, history.status, history.status_before, history.gives_old_values, history.reason, history.changed_at,
        history.sequence, history._record_number, history.first_run_id, history.first_seen_at, history.retracted_at,
        -- A row of the creation's instant that has an old status is the first change, not the creation.
        history.changed_at <= lead.created_at and history.status_before is null as may_be_creation,
        history.first_run_id <> lead.first_run_id as is_late,
        row_number() over (
            partition by history.lead_key, history.retracted_at is null
            order by history.changed_at, history.sequence, history._record_number
        ) as position,
        count(*) filter (where history.retracted_at is null) over (partition by history.lead_key) as standing_count
    from {{ ref('int_crm__lead_history') }} as history
    inner join changed_leads as lead on history.lead_key = lead.lead_key

),

-- The history begins after the creation: the status until then is the first old status. Where the source states none, a lead begins new, and
-- with the first status known where the CRM forgets.
before_the_history as (

    select
        lead_key,
        case
            when standing_count > 0 and status_before is not null then status_before
            when standing_count > 0 and not gives_old_values then status
            else 'new'
        end as status,
        case when standing_count > 0 and status_before is not null then 'crm_history' else 'inferred' end as change_source
    from recorded
    where position = 1 and (standing_count = 0 or (retracted_at is null and not may_be_creation))

),

-- A history that was revised had another first old status before: what each moment's knowledge concluded, from the first row that stood then.
moments as (

    select
        lead_key, moment, max(run_id) as run_id,
        lead(moment) over (partition by lead_key order by moment) as next_moment,
        moment = min(moment) over (partition by lead_key) as is_first
    from (
        select lead_key, first_seen_at as moment, first_run_id as run_id from recorded
        union all
        select lead_key, retracted_at, '' from recorded where retracted_at is not null
    ) as sighting
    where lead_key in (select lead_key from recorded where gives_old_values and (is_late or retracted_at is not null))
    group by lead_key, moment

),

-- Within an instant the first row is the one that follows no other: the record numbers are those of the newest knowledge.
conclusions as (

    select moment.*, entry.status_before as status
    from moments as moment
    inner join recorded as entry
        on moment.lead_key = entry.lead_key and entry.first_seen_at <= moment.moment and coalesce(entry.retracted_at > moment.moment, true)
    left join recorded as before
        on entry.lead_key = before.lead_key and entry.changed_at = before.changed_at and entry.sequence = before.sequence
        and entry.status_before = before.status and entry.status <> before.status
        and before.first_seen_at <= moment.moment and coalesce(before.retracted_at, {{ end_of_time() }}) > moment.moment
    qualify row_number() over (
        partition by moment.lead_key, moment.moment
        order by entry.changed_at, entry.sequence, before.lead_key is not null, entry._record_number
    ) = 1

),

creations as (

    select
        lead_key, status, arg_min(run_id, moment) as first_run_id, min(moment) as first_seen_at, bool_or(is_first) as is_first,
        case when count(next_moment) = count(*) then max(next_moment) end as retracted_at
    from conclusions
    where status is not null
    group by lead_key, status

),

changes as (

    select
        lead_key, status, coalesce(status_before, '') as stated_before, 'stated' as origin, reason, changed_at, sequence, _record_number,
        'crm_history' as change_source, first_run_id, first_seen_at, retracted_at
    from recorded
    union all
    select
        lead_key, status, '', 'concluded', null, lead.created_at, 0, 0, coalesce(before_the_history.change_source, 'crm_history'),
        -- A history that came after its lead may conclude what the lead's first version showed.
        case when creation.is_first and status = lead.first_status then lead.first_run_id else creation.first_run_id end,
        creation.first_seen_at,
        case when before_the_history.lead_key is null then creation.retracted_at end
    from before_the_history
    full join creations as creation using (lead_key, status)
    inner join changed_leads as lead using (lead_key)
    union all
    select
        observation.lead_key, observation.status, '', 'observed', null, observation.changed_at, observation.sequence, 0,
        observation.change_source, observation.first_run_id, observation.first_seen_at, null
    from {{ ref('int_crm__lead_observations') }} as observation
    inner join changed_leads as lead on observation.lead_key = lead.lead_key
    -- A lead that has a history by now is told by it.
    anti join recorded on observation.lead_key = recorded.lead_key

)

select
    change.lead_key,
    change.status as new_status,
    change.stated_before,
    change.origin,
    change.reason,
    greatest(change.changed_at, lead.created_at) as changed_at,
    change.sequence,
    change._record_number,
    change.change_source,
    case
        -- What is dated later than it was seen was known when it was seen.
        when coalesce(change.first_run_id, lead.first_run_id) = lead.first_run_id
            then least(greatest(change.changed_at, lead.created_at), change.first_seen_at)
        else change.first_seen_at
    end as known_at,
    change.retracted_at,
    lead._load_number
from changes as change
inner join changed_leads as lead on change.lead_key = lead.lead_key
order by change.lead_key, change.changed_at
