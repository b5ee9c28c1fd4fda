-- What is shown as rounding is at most half a cent for each movement and for the two values of the position.
select
    period_grain, period_start, calendar_date, pipeline_key, owner_key, deal_currency_code, rounding_amount, movement_count,
    'The booked amounts of the movements of this day are not their amounts at the rate of the day: a rate came late, or a conversion is wrong.' as likely_cause
from (
    select 'all' as period_grain, calendar_date as period_start, calendar_date, pipeline_key, owner_key, deal_currency_code, rounding_amount, movement_count
    from {{ ref('mart_sales__currency_days') }}
    union all
    select period_grain, period_start, calendar_date, pipeline_key, owner_key, deal_currency_code, rounding_amount, movement_count
    from {{ ref('mart_sales__currency_closing_days') }}
) as days
where abs(rounding_amount) > 0.005 * (movement_count + 2)
