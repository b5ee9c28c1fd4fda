-- A row of the file that vanished, or came back with another content, was taken back at that run.
with

changed_deals as (

    select distinct _account, deal_id from {{ ref('stg_files__deal_changes') }} {{ only_new_loads() }}

),

versions as (

    select
        change.*,
        lead(change._extracted_at) over row_versions as next_extracted_at,
        max(change._load_number) over (partition by change._account, change.deal_id) as newest_load
    from {{ ref('stg_files__deal_changes') }} as change
    inner join changed_deals using (_account, deal_id)
    window row_versions as (partition by change._account, change._source_id order by change._load_number, change._record_number)

)

select
    {{ stable_key("'files'", '_account', 'deal_id') }} as deal_key,
    field,
    case field when 'amount' then cast(cast(new_value as decimal(18, 2)) as varchar) else new_value end as value,
    case field when 'amount' then cast(cast(old_value as decimal(18, 2)) as varchar) else old_value end as value_before,
    true as gives_old_values,
    changed_at,
    coalesce(sequence, 0) as sequence,
    arg_max(_record_number, _load_number) as _record_number,
    arg_min(_run_id, _load_number) as first_run_id,
    min(_extracted_at) as first_seen_at,
    case when arg_max(next_extracted_at is not null, _load_number) then arg_max(next_extracted_at, _load_number) end as retracted_at,
    max(newest_load) as _load_number
from versions
where not _is_deleted
group by _account, deal_id, _source_id, field, new_value, old_value, changed_at, sequence
