with limits as (

    {{ declared_limits(['payment']) }}
    from {{ ref('limits') }}

),

as_of as (

    select max(warehouse_data_through) as data_through
    from {{ ref('dim_sources') }}

),

-- a source without a single payment does not record them: what its deals paid is unknown, not nothing
sources_with_payments as (

    select distinct source_system from {{ ref('fct_payments') }} where not is_deleted

),

payments as (

    select
        payments.deal_key,
        count(*) as payment_count,
        count(*) filter (where payments.currency_code is distinct from purchases.close_currency_code) as foreign_count,
        sum(payments.payment_amount) as paid_amount,
        case when count(payments.booked_amount) = count(*) then sum(payments.booked_amount) end as paid_booked_amount
    from {{ ref('fct_payments') }} as payments
    inner join {{ ref('mart_customers__purchases') }} as purchases on purchases.deal_key = payments.deal_key
    cross join as_of
    where not payments.is_deleted and payments.paid_at <= as_of.data_through
    group by payments.deal_key

),

-- in the deal's own currency where all was paid in it, else by what it was worth on its day
compared as (

    select
        purchases.*,
        case
            when sources.source_system is null then null
            when payments.payment_count is null then 0
            when payments.foreign_count = 0 then payments.paid_amount
            else payments.paid_booked_amount
        end as paid_amount,
        case when coalesce(payments.foreign_count, 0) = 0 then purchases.close_amount else purchases.booked_amount end as due_amount,
        {{ hours_between('purchases.won_at', 'as_of.data_through') }} / 24 > limits.payment_limit as is_due
    from {{ ref('mart_customers__purchases') }} as purchases
    left join payments on payments.deal_key = purchases.deal_key
    left join sources_with_payments as sources on sources.source_system = purchases.source_system
    cross join limits
    cross join as_of

)

select
    compared.deal_key,
    compared.crm_url,
    compared.company_key,
    compared.won_at,
    compared.won_date,
    compared.channel,
    compared.product_line,
    compared.company_size,
    compared.country,
    compared.booked_amount,
    compared.is_unconverted,
    case
        when compared.paid_amount is null or compared.due_amount is null then 'unknown'
        when compared.paid_amount >= compared.due_amount then 'paid'
        when compared.paid_amount > 0 then 'part_paid'
        when compared.is_due then 'unpaid'
        else 'not_yet_due'
    end as payment_status,
    case when compared.booked_amount is not null then {{ converted('compared.discount_amount', 'rates.exchange_rate') }} end as discount_amount,
    {{ converted('compared.promised_value_amount', 'rates.exchange_rate') }} as promised_amount,
    {{ converted('compared.achieved_value_amount', 'rates.exchange_rate') }} as achieved_amount,
    compared.currency_code,
    compared.amount_basis
from compared
left join {{ ref('dim_exchange_rates') }} as rates
    on rates.rate_date = compared.won_date
    and rates.from_currency_code = compared.close_currency_code
    and rates.to_currency_code = '{{ var("currency") }}'
