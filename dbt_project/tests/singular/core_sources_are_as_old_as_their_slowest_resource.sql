-- An account is complete up to where the resource that lags most of its newest run is; the warehouse up to the account that lags most of the newest run.
with loads as (

    select source_system, account, run_id, data_through from {{ ref('int_crm__loads') }}

),

told_anew as (

    select loads.source_system, loads.account, loads.run_id, min(loads.data_through) as data_through
    from loads
    where not exists (
        select 1 from loads as later
        where later.source_system = loads.source_system and later.account = loads.account and later.run_id > loads.run_id
    )
    group by loads.source_system, loads.account, loads.run_id

)

select
    coalesce(told_anew.source_system, sources.source_system) as source_system, coalesce(told_anew.account, sources.account) as account,
    sources.data_through, told_anew.data_through as loaded_through, sources.warehouse_data_through,
    'An account is told to be complete to another instant than its newest run''s loads say, or has no row: look at dim_sources.' as likely_cause
from told_anew
full join {{ ref('dim_sources') }} as sources on sources.source_system = told_anew.source_system and sources.account = told_anew.account
where
    sources.source_key is null
    or told_anew.account is null
    or sources.data_through <> told_anew.data_through
    or sources.run_id <> (select max(run_id) from loads)
    or sources.is_in_latest_run <> (told_anew.run_id = (select max(run_id) from loads))
    or sources.warehouse_data_through <> (select min(data_through) from told_anew where run_id = (select max(run_id) from loads))
