-- Salesforce tells how many units of a currency one of the org's own is worth. An org with dated rates has days; another has the rate of the moment, which
-- counts from the night that first saw it. A rate that somebody set counts until the next one, not for a week like a market's: it is a quote of every
-- day in force, up to the newest night.
with

corporate as (

    select _account, iso_code
    from {{ ref('stg_salesforce__currency_types') }}
    where is_corporate
    qualify row_number() over (partition by _account order by _load_number desc, _record_number desc) = 1

),

dated as (

    select _account, iso_code, start_date as first_date, next_start_date as next_date, conversion_rate, _is_deleted
    from {{ ref('stg_salesforce__dated_conversion_rates') }}
    qualify row_number() over (partition by _account, rate_id order by _load_number desc, _record_number desc) = 1

),

momentary as (

    select
        _account, iso_code, {{ reporting_date('_extracted_at') }} as first_date,
        lead({{ reporting_date('_extracted_at') }}) over (partition by _account, iso_code order by _load_number, _record_number) as next_date,
        conversion_rate, _is_deleted
    from {{ ref('stg_salesforce__currency_types') }}
    where (_account, iso_code) not in (select (_account, iso_code) from dated where not _is_deleted)

),

read_until as (

    select account, {{ reporting_date('max(data_through)') }} as last_date
    from {{ ref('int_crm__loads') }}
    where source_system = 'salesforce' and resource = 'currency_types'
    group by account

),

in_force as (

    select * from dated
    union all
    select * from momentary

)

select
    'salesforce' as source_system,
    rate._account as account,
    cast(unnest(generate_series(
        cast(rate.first_date as timestamp), cast(coalesce(least(rate.next_date - interval 1 day, read.last_date), read.last_date) as timestamp),
        interval 1 day
    )) as date) as rate_date,
    corporate.iso_code as from_currency_code,
    rate.iso_code as to_currency_code,
    cast(rate.conversion_rate as decimal(20, 12)) as exchange_rate
from in_force as rate
inner join corporate on rate._account = corporate._account and rate.iso_code <> corporate.iso_code
inner join read_until as read on rate._account = read.account
where not rate._is_deleted and rate.conversion_rate > 0
