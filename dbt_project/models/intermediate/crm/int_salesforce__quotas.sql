-- A quota names its period; where the org does not show its periods to the integration user it counts for the month of its first day, as forecasts do
-- unless the org says otherwise.
with

periods as (

    select _account, period_id, start_date, end_date
    from {{ ref('stg_salesforce__periods') }}
    qualify row_number() over (partition by _account, period_id order by _load_number desc, _record_number desc) = 1

)

select
    'salesforce' as source_system,
    quota._account as account,
    quota.quota_id as source_quota_id,
    coalesce(period.start_date, quota.start_date) as period_start_date,
    coalesce(period.end_date, last_day(quota.start_date)) as period_end_date,
    cast(null as varchar) as source_pipeline_id,
    quota.quota_owner_id as source_owner_id,
    quota.quota_amount,
    quota.currency_iso_code as currency_code,
    quota._is_deleted as is_deleted,
    quota._record_number,
    quota._load_number
from {{ ref('stg_salesforce__forecasting_quotas') }} as quota
left join periods as period on quota._account = period._account and quota.period_id = period.period_id
