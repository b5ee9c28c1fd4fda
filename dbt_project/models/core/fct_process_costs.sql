with

as_of as (

    select {{ reporting_date('max(warehouse_data_through)') }} as as_of_date from {{ ref('dim_sources') }}

),

entries as (

    select entry.*, least(entry.period_end_date, as_of.as_of_date) as booked_date
    from {{ ref('int_crm__process_costs') }} as entry
    cross join as_of
    where not is_deleted

)

select
    entry.process_cost_key,
    entry.source_system,
    entry.source_process_cost_id,
    entry.period_start_date,
    entry.period_end_date,
    entry.process,
    entry.cost_amount,
    {{ converted('entry.cost_amount', 'booked.exchange_rate') }} as booked_amount,
    {{ converted('entry.cost_amount', 'constant.exchange_rate') }} as constant_amount,
    entry.currency_code,
    case
        when entry.cost_amount is null then 'no_amount'
        when booked.exchange_rate is null or constant.exchange_rate is null then 'no_exchange_rate'
    end as amount_missing_reason
from entries as entry
left join {{ ref('dim_exchange_rates') }} as booked
    on entry.booked_date = booked.rate_date and entry.currency_code = booked.from_currency_code
    and booked.to_currency_code = '{{ var("currency") }}'
left join {{ ref('dim_constant_rates') }} as constant on entry.currency_code = constant.from_currency_code
