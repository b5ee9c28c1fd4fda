-- The union over the sources: a CRM more is a relation more. The folder's quotes are the market's; what somebody once set in a CRM counts for the
-- pairs of currencies that the folder says nothing of.
{% set columns = 'source_system, account, rate_date, from_currency_code, to_currency_code, exchange_rate' %}
with

quotes as (

    select {{ columns }} from {{ ref('int_files__exchange_rates') }} where not is_deleted

),

settings as (

    select {{ columns }} from {{ ref('int_hubspot__exchange_rates') }}
    union all
    select {{ columns }} from {{ ref('int_salesforce__exchange_rates') }}

)

select rate_date, from_currency_code, to_currency_code, exchange_rate
from quotes
union all
select rate_date, from_currency_code, to_currency_code, exchange_rate
from settings
where
    from_currency_code <> to_currency_code
    and (least(from_currency_code, to_currency_code), greatest(from_currency_code, to_currency_code)) not in (
        select (least(from_currency_code, to_currency_code), greatest(from_currency_code, to_currency_code)) from quotes
    )
qualify row_number() over (
    partition by rate_date, least(from_currency_code, to_currency_code), greatest(from_currency_code, to_currency_code)
    order by source_system, account, from_currency_code
) = 1
