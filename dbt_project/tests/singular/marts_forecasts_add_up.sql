-- The pipelines' forecasts add up to the company's; an interval holds its forecast and the wider one the narrower; every error is forecast less actual, of a week that is over;
-- the forecast of now is that of the open deals.
with told as (

    select forecast_date, week_start, method, dimension, forecast_amount, low_50_amount, high_50_amount, low_80_amount, high_80_amount, low_95_amount, high_95_amount,
        null as actual_amount, null as error_amount, 'weekly' as kind
    from {{ ref('mart_sales__forecast_weekly') }}
    union all
    select forecast_date, week_start, method, dimension, forecast_amount, low_50_amount, high_50_amount, low_80_amount, high_80_amount, low_95_amount, high_95_amount,
        actual_amount, error_amount, 'backtest'
    from {{ ref('mart_sales__forecast_backtest') }}

)

select kind, forecast_date, week_start, method, sum(case when dimension = 'all' then forecast_amount else -forecast_amount end) as difference,
    'The pipelines'' forecasts do not add up to the company''s.' as likely_cause
from told
where method = 'stage_weighted'
group by 1, 2, 3, 4
having abs(sum(case when dimension = 'all' then forecast_amount else -forecast_amount end)) > 0.005 * count(*) + 0.001

union all

select kind, forecast_date, week_start, method, forecast_amount, 'An interval lies beside its forecast, or an error is none.'
from told
where (method = 'stage_weighted' and not (
        low_95_amount <= low_80_amount and low_80_amount <= low_50_amount and low_50_amount <= forecast_amount + 0.006 and forecast_amount <= high_50_amount + 0.006
        and high_50_amount <= high_80_amount and high_80_amount <= high_95_amount and low_95_amount >= 0))
    or error_amount <> forecast_amount - actual_amount

union all

select 'open deals', weekly.forecast_date, weekly.week_start, weekly.method, weekly.forecast_amount, 'The forecast of now is not what the open deals of the week are worth.'
from {{ ref('mart_sales__forecast_weekly') }} as weekly
left join (
    select dates.week_start_date as week_start, sum(deals.booked_amount * stages.default_probability) as amount
    from {{ ref('dim_deals') }} as deals
    inner join {{ ref('dim_dates') }} as dates on dates.calendar_date = deals.expected_close_date
    inner join {{ ref('dim_stages') }} as stages on stages.stage_key = deals.stage_key and stages.is_current
    where deals.deal_status = 'open'
        and deals.expected_close_date >= (select {{ reporting_date('max(warehouse_data_through)') }} from {{ ref('dim_sources') }})
    group by 1
) as counted on counted.week_start = weekly.week_start
where weekly.method = 'stage_weighted' and weekly.dimension = 'all' and abs(weekly.forecast_amount - coalesce(counted.amount, 0)) > 0.005 * (1 + weekly.deal_count) + 0.001

union all

select 'won', told.forecast_date, told.week_start, told.method, told.actual_amount, 'What was won in a week is not what mart_sales__closes says.'
from {{ ref('mart_sales__forecast_backtest') }} as told
left join (
    select dates.week_start_date as week_start, sum(closes.booked_amount) as amount
    from {{ ref('mart_sales__closes') }} as closes
    inner join {{ ref('dim_dates') }} as dates on dates.calendar_date = closes.closed_date
    where closes.close_group = 'won' and not closes.is_removed
    group by 1
) as counted on counted.week_start = told.week_start
where told.dimension = 'all' and told.actual_amount <> coalesce(counted.amount, 0)

union all

select 'expected', told.forecast_date, told.week_start, told.method, told.forecast_amount, 'What was forecast then is not what was expected then, or is missing without a reason.'
from {{ ref('mart_sales__forecast_backtest') }} as told
left join {{ ref('mart_sales__expected_wins') }} as expected
    on not expected.is_as_of and expected.forecast_date = told.forecast_date and expected.week_start = told.week_start
    and expected.dimension = told.dimension and expected.dimension_key = told.dimension_key
where (told.method = 'stage_weighted' and abs(told.forecast_amount - coalesce(expected.weighted_amount, 0)) > 0.006)
    or (told.forecast_amount is null) <> (told.missing_reason is not null)
