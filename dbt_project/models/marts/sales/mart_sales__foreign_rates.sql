{{ config(materialized='ephemeral', contract={'enforced': false}) }}
with days as (

    select distinct calendar_date from {{ ref('mart_metrics__periods') }}

),

quoted as (

    select rate_date, from_currency_code as currency_code, exchange_rate
    from {{ ref('dim_exchange_rates') }}
    where to_currency_code = '{{ var("currency") }}' and from_currency_code <> '{{ var("currency") }}'

)

select
    days.calendar_date,
    currencies.currency_code,
    quoted.exchange_rate,
    lag(quoted.exchange_rate) over (partition by currencies.currency_code order by days.calendar_date) as rate_before
from days
cross join (select distinct currency_code from quoted) as currencies
left join quoted on quoted.rate_date = days.calendar_date and quoted.currency_code = currencies.currency_code
