{{ config(materialized='ephemeral', contract={'enforced': false}) }}
with

as_of as (

    select {{ reporting_date('max(warehouse_data_through)') }} as as_of_date from {{ ref('dim_sources') }}

),

rates as (

    select rate_date, from_currency_code, exchange_rate
    from {{ ref('dim_exchange_rates') }}
    where to_currency_code = '{{ var("currency") }}'

),

currencies as (

    select
        from_currency_code as currency_code,
        max_by(exchange_rate, rate_date)
        {%- if var("constant_rate_date") %} filter (where rate_date = cast('{{ var("constant_rate_date") }}' as date)){% endif %} as constant_rate
    from rates
    group by from_currency_code

)

-- Events past the as-of (of a source that is ahead of another) wait for the rate of their day.
select
    day.calendar_date as rate_date,
    currency.currency_code,
    booked.exchange_rate as booked_rate,
    currency.constant_rate
from {{ ref('dim_dates') }} as day
cross join as_of
cross join currencies as currency
left join rates as booked
    on least(day.calendar_date, as_of.as_of_date) = booked.rate_date and currency.currency_code = booked.from_currency_code
