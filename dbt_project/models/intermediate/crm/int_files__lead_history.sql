-- The record number orders the rows of one file. Raw keeps an unchanged row from the load that brought it, so a tie of rows of several loads has
-- no such order: there each row follows the one that left its old status; what the old statuses do not tell, the loads do.
{% set tie = 'lead_key, changed_at, sequence' %}
with recursive

changed_leads as (

    select distinct lead_key from {{ ref('int_files__lead_entries') }} {{ only_new_loads() }}

),

history as (

    select entry.*
    from {{ ref('int_files__lead_entries') }} as entry
    inner join changed_leads using (lead_key)

),

ties as (

    select {{ tie }}, max(_record_number) as highest_number
    from history
    group by {{ tie }}
    having count(distinct last_load) filter (where retracted_at is null) > 1

),

tied as (

    select *, row_number() over (partition by {{ tie }} order by last_load, _record_number) as place
    from history
    inner join ties using ({{ tie }})
    where retracted_at is null

),

walks as (

    select {{ tie }}, [place] as places, status_before as begun_at, status as arrived_at
    from tied
    union all
    select {{ tie }}, list_append(walks.places, tied.place), walks.begun_at, tied.status
    from walks
    inner join tied using ({{ tie }})
    where tied.status_before = walks.arrived_at and not list_contains(walks.places, tied.place)

),

statuses_in_force as (

    select
        lead_key, ties.changed_at, ties.sequence,
        arg_max(before.status, (before.changed_at, before.sequence, before._record_number)) as status
    from ties
    inner join history as before using (lead_key)
    where before.retracted_at is null and (before.changed_at, before.sequence) < (ties.changed_at, ties.sequence)
    group by lead_key, ties.changed_at, ties.sequence

),

-- The longest walk that begins with the status in force; a lead begins new.
chains as (

    select {{ tie }}, walk.places
    from walks as walk
    left join statuses_in_force as in_force using ({{ tie }})
    qualify row_number() over (
        partition by {{ tie }}
        order by len(walk.places) desc, walk.begun_at is not distinct from coalesce(in_force.status, 'new') desc, walk.places
    ) = 1

),

orders as (

    select
        {{ tie }}, last_load, _record_number,
        highest_number + coalesce(list_position(places, place), len(places) + place) as record_number
    from tied
    inner join chains using ({{ tie }})

)

select
    lead_key,
    status,
    status_before,
    true as gives_old_values,
    reason,
    changed_at,
    sequence,
    coalesce(record_number, _record_number) as _record_number,
    first_run_id,
    first_seen_at,
    retracted_at,
    _load_number
from history
left join orders using ({{ tie }}, last_load, _record_number)
