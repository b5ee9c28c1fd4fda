-- Stage and status change apart in the changelog and together make the place. One change of each within one second, which is all the
-- changelog resolves, are one step: re-opened into another stage, or moved to another pipeline and won.
with

readings as (

    select * from {{ ref('int_pipedrive__deal_readings') }} {{ only_new_loads() }}

),

rows_of_places as (

    select
        entry.*,
        count(*) filter (where entry.field_key = 'stage_id') over moments = 1
        and count(*) filter (where entry.field_key = 'status') over moments = 1 as is_one_step
    from {{ ref('int_pipedrive__changelog_rows') }} as entry
    inner join readings as reading on entry.deal_key = reading.deal_key
    where entry.field_key in ('stage_id', 'status')
    window moments as (partition by entry.deal_key, entry.changed_at)

),

steps as (

    select
        deal_key,
        changed_at,
        max(position) as position,
        max(new_value) filter (where field_key = 'stage_id') as stage_after,
        max(old_value) filter (where field_key = 'stage_id') as stage_before,
        -- A deletion is no place: what it was before holds on.
        max(case when new_value = 'deleted' then old_value else new_value end) filter (where field_key = 'status') as status_after,
        max(nullif(old_value, 'deleted')) filter (where field_key = 'status') as status_before,
        min(first_run_id) as first_run_id,
        min(first_seen_at) as first_seen_at
    from rows_of_places
    group by deal_key, changed_at, case when is_one_step then 0 else position end

),

beginnings as (

    select
        reading.deal_key,
        reading._account,
        reading.add_time,
        reading._load_number,
        reading.first_run_id,
        reading.first_seen_at,
        coalesce(min_by(step.stage_before, step.position), any_value(reading.record_then.stage_id)) as first_stage,
        coalesce(min_by(step.status_before, step.position), any_value(reading.record_then.status_in_force)) as first_status
    from readings as reading
    left join steps as step on reading.deal_key = step.deal_key
    group by reading.deal_key, reading._account, reading.add_time, reading._load_number, reading.first_run_id, reading.first_seen_at

),

states as (

    select
        deal_key, add_time as changed_at, 0 as position, first_stage as stage_id, first_status as status, first_run_id, first_seen_at
    from beginnings
    union all
    select
        step.deal_key, step.changed_at, step.position,
        coalesce(last_value(step.stage_after ignore nulls) over deal_steps, beginning.first_stage),
        coalesce(last_value(step.status_after ignore nulls) over deal_steps, beginning.first_status),
        step.first_run_id, step.first_seen_at
    from steps as step
    inner join beginnings as beginning on step.deal_key = beginning.deal_key
    window deal_steps as (partition by step.deal_key order by step.position)

),

-- A stage belongs to one pipeline. Of one that was removed before the first night nobody knows which: then the record's holds.
homes as (

    select _account, stage_id, max_by(pipeline_id, _load_number) as pipeline_id
    from {{ ref('stg_pipedrive__stages') }}
    group by _account, stage_id

)

select
    state.deal_key,
    state.changed_at,
    state.position,
    case when state.status = 'open' then state.stage_id else state.status end as place,
    coalesce(home.pipeline_id, reading.record_then.pipeline_id) as pipeline_id,
    state.first_run_id,
    state.first_seen_at,
    reading._load_number
from states as state
inner join readings as reading on state.deal_key = reading.deal_key
left join homes as home on reading._account = home._account and state.stage_id = home.stage_id
