-- A changelog has no row for the creation, so the first place is stated here; the other fields' first values follow from their first old ones.
with

readings as (

    select * from {{ ref('int_pipedrive__deal_readings') }} {{ only_new_loads() }}

),

places as (

    select place.*
    from {{ ref('int_pipedrive__deal_places') }} as place
    inner join readings as reading on place.deal_key = reading.deal_key

),

entries as (

    select deal_key, 'stage' as field, place as value, position, changed_at, first_run_id, first_seen_at from places
    union all
    select deal_key, 'pipeline', pipeline_id, position, changed_at, first_run_id, first_seen_at from places

),

values_of_places as (

    select *, lag(value) over (partition by deal_key, field order by position) as value_before
    from entries
    qualify position = 0 or value is distinct from value_before

),

values_of_rows as (

    select
        entry.deal_key,
        case entry.field_key
            when 'value' then 'amount' when 'expected_close_date' then 'expected_close' when 'currency' then 'currency' else 'owner'
        end as field,
        case when entry.field_key = 'value' then cast(try_cast(entry.new_value as decimal(18, 2)) as varchar) else entry.new_value end as value,
        entry.position,
        entry.changed_at,
        entry.first_run_id,
        entry.first_seen_at,
        case when entry.field_key = 'value' then cast(try_cast(entry.old_value as decimal(18, 2)) as varchar) else entry.old_value end as value_before
    from {{ ref('int_pipedrive__changelog_rows') }} as entry
    inner join readings as reading on entry.deal_key = reading.deal_key
    where entry.field_key not in ('stage_id', 'status')

),

-- Changes that the record shows and the changelog, read before them, does not yet.
records_ahead as (

    select
        deal_key,
        record_until,
        record_now,
        unnest(['stage', 'pipeline', 'amount', 'currency', 'expected_close', 'owner']) as field,
        unnest([
            record_now.place, record_now.pipeline_id, cast(record_now.value as varchar), record_now.currency,
            cast(record_now.expected_close_date as varchar), record_now.owner_id
        ]) as value,
        unnest([
            record_then.place, record_then.pipeline_id, cast(record_then.value as varchar), record_then.currency,
            cast(record_then.expected_close_date as varchar), record_then.owner_id
        ]) as value_then
    from readings
    where is_behind

),

changes as (

    select deal_key, field, value, value_before, changed_at, position, first_run_id, first_seen_at from values_of_places
    union all
    select deal_key, field, value, value_before, changed_at, position, first_run_id, first_seen_at from values_of_rows
    union all
    select deal_key, field, value, value_then, record_until, 1000000, record_now._run_id, record_now._extracted_at
    from records_ahead
    where value is distinct from value_then

)

select
    change.deal_key,
    change.field,
    change.value,
    change.value_before,
    true as gives_old_values,
    true as has_old_value,
    change.changed_at,
    change.position as sequence,
    change.position as _record_number,
    change.first_run_id,
    change.first_seen_at,
    cast(null as timestamp) as retracted_at,
    reading._load_number
from changes as change
inner join readings as reading on change.deal_key = reading.deal_key
-- as in int_crm__deals
order by change.deal_key
