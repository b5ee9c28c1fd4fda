-- A row of the file that vanished, or came back with another content, was taken back at that run. Where the lead vanished with its rows they
-- stand: a deleted lead keeps its past. What is missing when the lead comes back was taken back then.
with

changed_leads as (

    select distinct _account, lead_id
    from (
        select _account, lead_id, _load_number from {{ ref('stg_files__lead_status_changes') }}
        union all
        select _account, lead_id, _load_number from {{ ref('stg_files__leads') }}
    ) as version
    {{ only_new_loads() }}

),

absences as (

    select
        *,
        -- greater than every run's id while it has not come back
        coalesce(lead(_run_id) over lead_versions, '~') as returned_run_id,
        lead(_extracted_at) over lead_versions as returned_at,
        max(_load_number) over (partition by _account, lead_id) as newest_load
    from {{ ref('stg_files__leads') }}
    inner join changed_leads using (_account, lead_id)
    window lead_versions as (partition by _account, lead_id order by _load_number, _record_number)
    qualify _is_deleted

),

versions as (

    select
        change.*,
        struct_pack(
            run_id := lead(change._run_id) over row_versions,
            extracted_at := lead(change._extracted_at) over row_versions,
            is_deleted := lead(change._is_deleted) over row_versions
        ) as after,
        max(change._load_number) over (partition by change._account, change.lead_id) as newest_load
    from {{ ref('stg_files__lead_status_changes') }} as change
    inner join changed_leads using (_account, lead_id)
    window row_versions as (partition by change._account, change._source_id order by change._load_number, change._record_number)

),

-- A reason that was written anew is the same change: the newest stands.
entries as (

    select
        {{ stable_key("'files'", '_account', 'lead_id') }} as lead_key,
        _account,
        lead_id,
        new_status as status,
        old_status as status_before,
        changed_at,
        coalesce(sequence, 0) as sequence,
        nullif(arg_max(coalesce(reason, ''), _load_number), '') as reason,
        arg_max(_record_number, _load_number) as _record_number,
        max(_load_number) as last_load,
        arg_min(_run_id, _load_number) as first_run_id,
        min(_extracted_at) as first_seen_at,
        arg_max(after, _load_number) as after,
        max(newest_load) as newest_load
    from versions
    where not _is_deleted
    group by _account, lead_id, _source_id, new_status, old_status, changed_at, sequence

)

select
    entry.* exclude (_account, lead_id, after, newest_load),
    case when absence.lead_id is null then entry.after.extracted_at else absence.returned_at end as retracted_at,
    greatest(entry.newest_load, coalesce(max(absence.newest_load) over (partition by entry._account, entry.lead_id), 0)) as _load_number
from entries as entry
left join absences as absence
    on entry._account = absence._account and entry.lead_id = absence.lead_id
    -- joined by comparisons alone: another condition would hold every row against every other
    and case when entry.after.is_deleted then entry.after.run_id end >= absence._run_id
    and case when entry.after.is_deleted then entry.after.run_id end < absence.returned_run_id
