with

entries as (

    select *, {{ reporting_date('paid_at') }} as booked_date
    from {{ ref('int_crm__payments') }}
    {{ happened_by_then('paid_at') }}

)

select
    entry.payment_key,
    entry.source_system,
    entry.source_payment_id,
    meant_deal.entity_key as deal_key,
    entry.paid_at,
    entry.payment_amount,
    {{ converted('entry.payment_amount', 'booked.exchange_rate') }} as booked_amount,
    {{ converted('entry.payment_amount', 'constant.exchange_rate') }} as constant_amount,
    entry.currency_code,
    case
        when entry.payment_amount is null then 'no_amount'
        when booked.exchange_rate is null or constant.exchange_rate is null then 'no_exchange_rate'
    end as amount_missing_reason,
    entry.is_deleted
from entries as entry
left join {{ ref('int_crm__references') }} as meant_deal
    on meant_deal.entity = 'deal' and entry.source_system = meant_deal.source_system and entry.account = meant_deal.account
    and entry.source_deal_id = meant_deal.source_id
left join {{ ref('dim_exchange_rates') }} as booked
    on entry.booked_date = booked.rate_date and entry.currency_code = booked.from_currency_code
    and booked.to_currency_code = '{{ var("currency") }}'
left join {{ ref('dim_constant_rates') }} as constant on entry.currency_code = constant.from_currency_code
