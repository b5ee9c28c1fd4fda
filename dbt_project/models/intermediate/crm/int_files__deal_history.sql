-- The record number orders the rows of one file. Raw keeps an unchanged row from the load that brought it, so a tie of rows of several loads has
-- no such order: there each row follows the one that left its old value; what the old values do not tell, the loads do.
{% set tie = 'deal_key, field, changed_at, sequence' %}
with recursive

changed_deals as (

    select distinct deal_key from {{ ref('int_files__deal_entries') }} {{ only_new_loads() }}

),

history as (

    select entry.*
    from {{ ref('int_files__deal_entries') }} as entry
    inner join changed_deals using (deal_key)

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

    select {{ tie }}, [place] as places, value_before as begun_at, value as arrived_at
    from tied
    union all
    select {{ tie }}, list_append(walks.places, tied.place), walks.begun_at, tied.value
    from walks
    inner join tied using ({{ tie }})
    where tied.value_before is not distinct from walks.arrived_at and not list_contains(walks.places, tied.place)

),

values_in_force as (

    select
        deal_key, field, ties.changed_at, ties.sequence,
        arg_max(coalesce(before.value, ''), (before.changed_at, before.sequence, before._record_number)) as value
    from ties
    inner join history as before using (deal_key, field)
    where before.retracted_at is null and (before.changed_at, before.sequence) < (ties.changed_at, ties.sequence)
    group by deal_key, field, ties.changed_at, ties.sequence

),

-- The longest walk that begins with the value in force.
chains as (

    select {{ tie }}, walk.places
    from walks as walk
    left join values_in_force as in_force using ({{ tie }})
    qualify row_number() over (
        partition by {{ tie }}
        order by len(walk.places) desc, coalesce(walk.begun_at, '') is not distinct from in_force.value desc, walk.places
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
    deal_key,
    field,
    value,
    value_before,
    true as gives_old_values,
    has_old_value,
    changed_at,
    sequence,
    coalesce(record_number, _record_number) as _record_number,
    first_run_id,
    first_seen_at,
    retracted_at,
    _load_number
from history
left join orders using ({{ tie }}, last_load, _record_number)
-- as in int_crm__deals
order by deal_key
