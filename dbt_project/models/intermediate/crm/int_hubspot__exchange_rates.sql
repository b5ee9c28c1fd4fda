-- A rate that somebody set counts from that day on until the next one, not for a week like a market's: it is a quote of every day in force,
-- up to the newest night.
with

rates as (

    select *, {{ reporting_date('effective_at') }} as first_date
    from {{ ref('stg_hubspot__exchange_rates') }}
    qualify row_number() over (partition by _account, exchange_rate_id order by _load_number desc, _record_number desc) = 1

),

read_until as (

    select account, {{ reporting_date('max(data_through)') }} as last_date
    from {{ ref('int_crm__loads') }}
    where source_system = 'hubspot' and resource = 'exchange_rates'
    group by account

),

in_force as (

    select
        *,
        lead(first_date) over (partition by _account, from_currency_code, to_currency_code order by first_date) as next_date
    from rates
    where not _is_deleted and conversion_rate > 0
    qualify row_number() over (
        partition by _account, from_currency_code, to_currency_code, first_date order by effective_at desc, _record_number desc
    ) = 1

)

select
    'hubspot' as source_system,
    rate._account as account,
    cast(unnest(generate_series(
        rate.first_date, coalesce(least(rate.next_date - interval 1 day, read.last_date), read.last_date), interval 1 day
    )) as date) as rate_date,
    rate.from_currency_code,
    rate.to_currency_code,
    rate.conversion_rate as exchange_rate
from in_force as rate
inner join read_until as read on rate._account = read.account
