with

as_of as (

    select {{ reporting_date('max(warehouse_data_through)') }} as as_of_date from {{ ref('dim_sources') }}

),

quotes as (

    select rate_date, from_currency_code, to_currency_code, exchange_rate, false as is_inverse
    from {{ ref('int_crm__exchange_rates') }}
    union all
    select rate_date, to_currency_code, from_currency_code, cast(1 / exchange_rate as decimal(20, 12)), true
    from {{ ref('int_crm__exchange_rates') }}

),

-- A quote serves its own day and at most seven more, until the next one.
served as (

    select
        *,
        least(
            coalesce(lead(rate_date) over pair - interval '1' day, rate_date + interval '7' day),
            rate_date + interval '7' day
        ) as last_date
    from quotes
    window pair as (partition by from_currency_code, to_currency_code, is_inverse order by rate_date)

),

days as (

    select *, {{ days_between('rate_date', 'last_date', 'calendar_date') }}
    from served
    where from_currency_code <> to_currency_code

),

daily as (

    select
        days.calendar_date as rate_date,
        days.from_currency_code,
        days.to_currency_code,
        days.exchange_rate,
        days.rate_date as observed_date,
        days.is_inverse,
        row_number() over (
            partition by days.calendar_date, days.from_currency_code, days.to_currency_code order by days.is_inverse
        ) as choice
    from days
    inner join {{ ref('dim_dates') }} as day on days.calendar_date = day.calendar_date

),

currencies as (

    select from_currency_code as currency_code from quotes
    union
    select '{{ var("currency") }}'
    union
    select currency_code from {{ ref('int_crm__deals_as_of') }} where currency_code is not null

)

select daily.rate_date, daily.from_currency_code, daily.to_currency_code, daily.exchange_rate, daily.observed_date, daily.is_inverse
from daily
cross join as_of
where daily.choice = 1 and daily.rate_date <= as_of.as_of_date
union all
select day.calendar_date, currency_code, currency_code, cast(1 as decimal(20, 12)), day.calendar_date, false
from {{ ref('dim_dates') }} as day
cross join currencies
cross join as_of
where day.calendar_date <= as_of.as_of_date
