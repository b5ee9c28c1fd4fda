with

as_of as (

    select {{ reporting_date('max(warehouse_data_through)') }} as as_of_date from {{ ref('dim_sources') }}

),

entries as (

    select entry.*, least(entry.period_start_date, as_of.as_of_date) as booked_date
    from {{ ref('int_crm__quotas') }} as entry
    cross join as_of
    where not is_deleted

)

select
    entry.quota_key,
    entry.source_system,
    entry.source_quota_id,
    entry.period_start_date,
    entry.period_end_date,
    case when entry.source_owner_id is not null then coalesce(meant_owner.entity_key, {{ unknown_key() }}) end as owner_key,
    case when entry.source_pipeline_id is not null then coalesce(meant_pipeline.entity_key, {{ unknown_key() }}) end as pipeline_key,
    entry.quota_amount,
    {{ converted('entry.quota_amount', 'booked.exchange_rate') }} as booked_amount,
    {{ converted('entry.quota_amount', 'constant.exchange_rate') }} as constant_amount,
    entry.currency_code,
    case
        when entry.quota_amount is null then 'no_amount'
        when booked.exchange_rate is null or constant.exchange_rate is null then 'no_exchange_rate'
    end as amount_missing_reason
from entries as entry
left join {{ ref('int_crm__references') }} as meant_owner
    on meant_owner.entity = 'owner' and entry.source_system = meant_owner.source_system and entry.account = meant_owner.account
    and entry.source_owner_id = meant_owner.source_id
left join {{ ref('int_crm__references') }} as meant_pipeline
    on meant_pipeline.entity = 'pipeline' and entry.source_system = meant_pipeline.source_system and entry.account = meant_pipeline.account
    and entry.source_pipeline_id = meant_pipeline.source_id
left join {{ ref('dim_exchange_rates') }} as booked
    on entry.booked_date = booked.rate_date and entry.currency_code = booked.from_currency_code
    and booked.to_currency_code = '{{ var("currency") }}'
left join {{ ref('dim_constant_rates') }} as constant on entry.currency_code = constant.from_currency_code
