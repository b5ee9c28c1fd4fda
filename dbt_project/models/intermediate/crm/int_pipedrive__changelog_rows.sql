-- The newest changelog holds all rows of the earlier ones, newest first: counted from its end, a row keeps its position for ever. What it
-- has behind the newest record belongs to a version of the deal that is not loaded yet.
with

readings as (

    select * from {{ ref('int_pipedrive__deal_readings') }} {{ only_new_loads() }}

),

listed as (

    select
        reading.deal_key,
        reading.record_until,
        reading._load_number as newest_load,
        changelog._load_number = reading.newest_changelog as is_newest,
        changelog._run_id,
        changelog._extracted_at,
        changelog._load_number,
        unnest(changelog.changes) as change,
        unnest(range(len(changelog.changes), 0, -1)) as position
    from {{ ref('stg_pipedrive__deal_changelogs') }} as changelog
    inner join readings as reading on changelog._account = reading._account and changelog.deal_id = reading.deal_id

)

select
    deal_key,
    position,
    change.field_key as field_key,
    nullif(change.old_value, '') as old_value,
    nullif(change.new_value, '') as new_value,
    {{ instant_of("change.time") }} as changed_at,
    min_by(_run_id, _load_number) as first_run_id,
    min(_extracted_at) as first_seen_at,
    any_value(newest_load) as _load_number
from listed
where change.field_key in ('stage_id', 'status', 'value', 'currency', 'expected_close_date', 'user_id', 'owner_id')
group by deal_key, position, change.field_key, change.old_value, change.new_value, change.time
having bool_or(is_newest) and {{ instant_of("change.time") }} <= any_value(record_until)
