-- An account is complete up to where the resource that lags most of its newest run is.
with

newest_runs as (

    select
        source_system,
        account,
        run_id,
        {{ until_then('data_through') }} as data_through,
        max(run_id) over (partition by source_system, account) as latest_run_id
    from {{ ref('int_crm__loads') }}

),

accounts as (

    select source_system, account, latest_run_id, min(data_through) as data_through
    from newest_runs
    where run_id = latest_run_id
    group by source_system, account, latest_run_id

),

latest as (

    select max(latest_run_id) as run_id from accounts

)

select
    {{ hashed_key("accounts.source_system || '|' || accounts.account") }} as source_key,
    accounts.source_system,
    accounts.account,
    accounts.data_through,
    accounts.latest_run_id = latest.run_id as is_in_latest_run,
    min(case when accounts.latest_run_id = latest.run_id then accounts.data_through end) over () as warehouse_data_through,
    latest.run_id
from accounts
cross join latest
