{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='lead_key', on_schema_change='fail') }}

with

changed_leads as (

    select lead_key from {{ ref('int_crm__lead_changes') }} {{ only_new_loads() }}
    union
    select lead_key from {{ ref('int_crm__lead_criteria') }} {{ only_new_loads() }}

),

statuses_before as (

    select
        change.*,
        last_value(case when change.retracted_at is null then change.new_status end ignore nulls) over (
            partition by change.lead_key
            order by
                change.changed_at, change.sequence, change._record_number, change.retracted_at is null, change.known_at, change.new_status,
                change.stated_before
            rows between unbounded preceding and 1 preceding
        ) as old_status
    from {{ ref('int_crm__lead_changes') }} as change
    inner join changed_leads on change.lead_key = changed_leads.lead_key
    {{ happened_by_then('change.changed_at') }}

),

-- Since when it is known that the status was the lead's.
statuses_known as (

    select
        *,
        last_value(case when retracted_at is null and new_status is distinct from old_status then known_at end ignore nulls) over (
            partition by lead_key
            order by changed_at, sequence, _record_number, retracted_at is null, known_at, new_status, stated_before
            rows between unbounded preceding and 1 preceding
        ) as status_known_at
    from statuses_before

),

-- A status set again to what it was is no change. What was taken back stays, whatever stands in its place; and so does a change of which it came out
-- later that the lead had that status before: that is when it was taken back.
changes as (

    select
        *,
        coalesce(retracted_at, case when new_status is not distinct from old_status then status_known_at end) as taken_back_at,
        retracted_at is null and new_status is distinct from old_status as is_standing
    from statuses_known
    where new_status is distinct from old_status or retracted_at is not null or status_known_at > known_at

),

-- A lead is offered to sales while it is marketing-qualified: the offer begins with that change and ends with the next.
steps as (

    select
        *,
        min(case when new_status = 'mql' then changed_at end) over so_far as first_mql_at,
        min(case when new_status = 'sql' then changed_at end) over so_far as first_sql_at,
        lag(changed_at) over in_order as changed_before_at,
        lead(changed_at) over in_order is null as is_last
    from changes
    window
        in_order as (partition by lead_key, is_standing order by changed_at, sequence, _record_number),
        so_far as (
            partition by lead_key, is_standing order by changed_at, sequence, _record_number
            rows between unbounded preceding and current row
        )

)

select
    {{ hashed_key(
        "step.lead_key || '|' || step.changed_at || '|' || step.sequence || '|' || step.origin || '|' || step.stated_before"
        ~ " || '|' || step.new_status"
    ) }} as status_change_key,
    step.lead_key,
    step.old_status,
    step.new_status,
    step.changed_at,
    step.sequence,
    step.change_source,
    step.known_at,
    step.taken_back_at as retracted_at,
    coalesce(step.reason, case when step.is_standing and step.is_last and step.new_status = 'disqualified' then lead.disqualified_reason end) as reason,
    case when step.is_standing then step.first_mql_at end as first_mql_at,
    case when step.is_standing then step.first_sql_at end as first_sql_at,
    criteria.criteria_met,
    criteria.criteria_failed,
    case
        when not step.is_standing then null
        when step.new_status = 'mql' then 'offered'
        when coalesce(step.old_status, 'none') <> 'mql' then null
        when step.new_status in ('sql', 'converted') then 'accepted'
        when step.new_status = 'disqualified' then 'rejected'
        else 'recycled'
    end as hand_off_outcome,
    case
        when not step.is_standing then null
        when step.new_status = 'mql' then step.changed_at
        when step.old_status = 'mql' then step.changed_before_at
    end as offered_at,
    step._record_number,
    greatest(step._load_number, criteria._load_number) as _load_number
from steps as step
inner join {{ ref('int_crm__leads') }} as lead on step.lead_key = lead.lead_key
inner join {{ ref('int_crm__lead_criteria') }} as criteria on step.lead_key = criteria.lead_key
order by step.lead_key, step.changed_at
