-- A rate is the quote of its observed date, the latest of its pair at or before the day and at most seven days old; a pair's own quote goes
-- before the inverse of the opposite one; no day that a quote serves is without.
with quotes as (

    select rate_date, from_currency, to_currency, rate, is_inverse
    from (
        select rate_date, from_currency_code as from_currency, to_currency_code as to_currency, exchange_rate as rate, false as is_inverse
        from {{ ref('int_crm__exchange_rates') }}
        union all
        select rate_date, to_currency_code, from_currency_code, cast(1 / exchange_rate as decimal(20, 12)), true
        from {{ ref('int_crm__exchange_rates') }}
    ) as both_ways
    where from_currency <> to_currency

),

days as (

    select calendar_date from {{ ref('dim_dates') }}
    where calendar_date <= (select {{ reporting_date('max(warehouse_data_through)') }} from {{ ref('dim_sources') }})

),

latest as (

    select days.calendar_date, quotes.*
    from quotes
    inner join days on quotes.rate_date between days.calendar_date - 7 and days.calendar_date
    qualify row_number() over (
        partition by days.calendar_date, quotes.from_currency, quotes.to_currency order by quotes.is_inverse, quotes.rate_date desc
    ) = 1

),

rates as (

    select * from {{ ref('dim_exchange_rates') }}

)

select
    coalesce(latest.calendar_date, rates.rate_date) as rate_date, coalesce(latest.from_currency, rates.from_currency_code) as from_currency_code,
    coalesce(latest.to_currency, rates.to_currency_code) as to_currency_code, rates.exchange_rate, latest.rate as quoted_rate,
    'A day has another rate than the latest quote gives it, or none, or one that no quote gives.' as likely_cause
from latest
full join (select * from rates where from_currency_code <> to_currency_code) as rates
    on rates.rate_date = latest.calendar_date and rates.from_currency_code = latest.from_currency and rates.to_currency_code = latest.to_currency
where
    rates.rate_date is null
    or latest.calendar_date is null
    or rates.exchange_rate <> latest.rate
    or rates.observed_date <> latest.rate_date
    or rates.is_inverse <> latest.is_inverse
union all
select coalesce(rates.rate_date, days.calendar_date), currencies.currency_code, currencies.currency_code, rates.exchange_rate, 1, 'A currency is not worth itself.'
from days
cross join (
    select '{{ var("currency") }}' as currency_code
    union
    select currency_code from {{ ref('int_crm__deals') }} where currency_code is not null
    union
    select from_currency from quotes
) as currencies
left join rates
    on rates.rate_date = days.calendar_date and rates.from_currency_code = currencies.currency_code and rates.to_currency_code = currencies.currency_code
where rates.exchange_rate is distinct from 1 or rates.observed_date <> rates.rate_date or rates.is_inverse
union all
select rate_date, from_currency_code, to_currency_code, exchange_rate, null, 'A rate is told for a day after the as-of.'
from rates
where rate_date not in (select calendar_date from days)
