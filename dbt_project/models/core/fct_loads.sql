{{ config(materialized='incremental', incremental_strategy='append', on_schema_change='fail') }}
with

files as (

    select *, load_number as _load_number from {{ ref('int_crm__loads') }}

),

-- What belongs to the load as a whole stands at its first file.
loads as (

    select
        source_system,
        account,
        resource,
        run_id,
        max(mode) as load_mode,
        max(sweep_of) as sweep_of,
        min(cursor_from) as cursor_from,
        max(cursor_to) as cursor_to,
        min(data_through) as data_through,
        min(extracted_at) as extracted_at,
        count(*) as file_count,
        coalesce(sum(rows_landed), 0) as landed_count,
        coalesce(sum(rows_new), 0) as new_count,
        coalesce(sum(rows_held), 0) as held_count,
        coalesce(sum(rows_vanished), 0) as vanished_count,
        coalesce(sum(pages), 0) as page_count,
        coalesce(sum(requests), 0) as request_count,
        _load_number
    from files
    {{ only_new_loads() }}
    group by source_system, account, resource, run_id, _load_number

)

select
    {{ stable_key('source_system', 'account', "resource || '|' || run_id") }} as load_key,
    source_system,
    account,
    resource,
    run_id,
    load_mode,
    sweep_of,
    cursor_from,
    cursor_to,
    data_through,
    extracted_at,
    file_count,
    cast(landed_count as bigint) as landed_count,
    cast(new_count as bigint) as new_count,
    cast(held_count as bigint) as held_count,
    cast(vanished_count as bigint) as vanished_count,
    cast(page_count as bigint) as page_count,
    cast(request_count as bigint) as request_count,
    _load_number
from loads
{{ happened_by_then('extracted_at') }}
