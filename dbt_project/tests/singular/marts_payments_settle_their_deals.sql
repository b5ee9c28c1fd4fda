-- A deal that was paid in its own currency is paid, or in part, as its payments add up; what nobody measured is in no sum of the value delivered.
with as_of as (

    select max(warehouse_data_through) as data_through from {{ ref('dim_sources') }}

),

payments as (

    select *
    from {{ ref('fct_payments') }}
    where not is_deleted and paid_at <= (select data_through from as_of)

),

paid as (

    select
        purchases.deal_key, purchases.close_amount, count(payments.deal_key) as payment_count, sum(payments.payment_amount) as amount,
        sum(case when payments.currency_code = purchases.close_currency_code or payments.deal_key is null then 0 else 1 end) as foreign_count
    from {{ ref('mart_customers__purchases') }} as purchases
    left join payments on payments.deal_key = purchases.deal_key
    where purchases.source_system in (select source_system from {{ ref('fct_payments') }} where not is_deleted)
    group by 1, 2

),

sums as (

    select
        sum(case when achieved_amount is not null then promised_amount end) as promised_amount,
        sum(case when promised_amount is not null then achieved_amount end) as achieved_amount,
        sum(case when discount_amount is not null then booked_amount end) as won_amount
    from {{ ref('mart_customers__won_deals') }}

)

select
    cast(told.deal_key as varchar) as deal_key, told.payment_status, paid.amount as paid_amount, paid.close_amount,
    'The payments of the deal add up to something else: look at mart_customers__won_deals.' as likely_cause
from {{ ref('mart_customers__won_deals') }} as told
inner join paid on paid.deal_key = told.deal_key
where paid.foreign_count = 0
    and paid.close_amount is not null
    and (paid.amount is not null or paid.payment_count = 0)
    and case when told.payment_status in ('unpaid', 'not_yet_due') then 'nothing' else told.payment_status end <> case
        when coalesce(paid.amount, 0) >= paid.close_amount then 'paid'
        when paid.amount > 0 then 'part_paid'
        else 'nothing'
    end

union all

select told.dimension, 'value', told.achieved_amount, sums.achieved_amount, 'The value delivered is not that of the deals: look at mart_customers__value_delivered.'
from (
    select dimension, sum(promised_amount) as promised_amount, sum(achieved_amount) as achieved_amount, sum(won_amount) as won_amount
    from {{ ref('mart_customers__value_delivered') }}
    where period_grain = 'all'
    group by dimension
) as told
cross join sums
where abs(coalesce(told.promised_amount, 0) - coalesce(sums.promised_amount, 0)) > 0.001
    or abs(coalesce(told.achieved_amount, 0) - coalesce(sums.achieved_amount, 0)) > 0.001
    or abs(coalesce(told.won_amount, 0) - coalesce(sums.won_amount, 0)) > 0.001
