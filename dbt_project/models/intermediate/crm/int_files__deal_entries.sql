-- A row of the file that vanished, or came back with another content, was taken back at that run. Where the deal vanished with its rows they
-- stand: a deleted deal keeps its past. What is missing when the deal comes back was taken back then.
with

changed_deals as (

    select distinct _account, deal_id
    from (
        select _account, deal_id, _load_number from {{ ref('stg_files__deal_changes') }}
        union all
        select _account, deal_id, _load_number from {{ ref('stg_files__deals') }}
    ) as version
    {{ only_new_loads() }}

),

absences as (

    select
        *,
        -- greater than every run's id while it has not come back
        coalesce(lead(_run_id) over deal_versions, '~') as returned_run_id,
        lead(_extracted_at) over deal_versions as returned_at,
        max(_load_number) over (partition by _account, deal_id) as newest_load
    from {{ ref('stg_files__deals') }}
    inner join changed_deals using (_account, deal_id)
    window deal_versions as (partition by _account, deal_id order by _load_number, _record_number)
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
        max(change._load_number) over (partition by change._account, change.deal_id) as newest_load
    from {{ ref('stg_files__deal_changes') }} as change
    inner join changed_deals using (_account, deal_id)
    window row_versions as (partition by change._account, change._source_id order by change._load_number, change._record_number)

),

entries as (

    select
        {{ ordered_key("'files'", '_account', 'deal_id') }} as deal_key,
        _account,
        deal_id,
        field,
        case field when 'amount' then cast(cast(new_value as decimal(18, 2)) as varchar) else new_value end as value,
        case field when 'amount' then cast(cast(old_value as decimal(18, 2)) as varchar) else old_value end as value_before,
        changed_at,
        coalesce(sequence, 0) as sequence,
        arg_max(has_old_value, _load_number) as has_old_value,
        arg_max(_record_number, _load_number) as _record_number,
        max(_load_number) as last_load,
        arg_min(_run_id, _load_number) as first_run_id,
        min(_extracted_at) as first_seen_at,
        arg_max(after, _load_number) as after,
        max(newest_load) as newest_load
    from versions
    where not _is_deleted
    group by _account, deal_id, _source_id, field, new_value, old_value, changed_at, sequence

)

select
    entry.* exclude (_account, deal_id, after, newest_load),
    case when absence.deal_id is null then entry.after.extracted_at else absence.returned_at end as retracted_at,
    greatest(entry.newest_load, coalesce(max(absence.newest_load) over (partition by entry._account, entry.deal_id), 0)) as _load_number
from entries as entry
left join absences as absence
    on entry._account = absence._account and entry.deal_id = absence.deal_id
    -- joined by comparisons alone: another condition would hold every row against every other
    and case when entry.after.is_deleted then entry.after.run_id end >= absence._run_id
    and case when entry.after.is_deleted then entry.after.run_id end < absence.returned_run_id
