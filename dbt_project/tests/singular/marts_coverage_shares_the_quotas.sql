-- What was expected is what the waterfall opened with; a quota's shares of the months of a quarter, and of the quarters of a year, add up to it; every day of a quota
-- belongs to one plan of a member.
select
    told.period_grain, told.period_start, told.dimension_value, told.expected_amount as told_amount, opening.opening_amount as counted_amount,
    'The expected amount is not the opening of the waterfall of the period''s closes.' as likely_cause
from {{ ref('mart_sales__coverage') }} as told
full join (
    select * from {{ ref('mart_sales__pipeline_waterfall') }}
    where waterfall_form = 'closing_in_period' and period_grain in ('month', 'quarter', 'year') and opening_count > 0
) as opening
    on opening.period_grain = told.period_grain and opening.period_start = told.period_start
    and opening.dimension = told.dimension and opening.dimension_key = told.dimension_key
where coalesce(told.expected_amount, -1) <> coalesce(opening.opening_amount, 0)
    or coalesce(told.expected_count, -1) <> coalesce(opening.opening_count, 0)

union all

select told.period_grain, told.period_start, told.dimension_value, told.quota_amount, counted.quota_amount, 'A quota''s days are not shared out as they lie in the periods.'
from {{ ref('mart_sales__coverage') }} as told
inner join (
    select
        periods.period_grain, periods.period_start, days.dimension, days.dimension_key,
        sum(days.quota_amount / days.day_count) as quota_amount, sum(days.unconverted_count) as unconverted_count
    from {{ ref('mart_sales__quota_days') }} as days
    inner join (select distinct period_grain, period_start, next_period_start from {{ ref('mart_metrics__periods') }}) as periods
        on days.calendar_date >= periods.period_start and days.calendar_date < periods.next_period_start
    group by 1, 2, 3, 4
) as counted
    on counted.period_grain = told.period_grain and counted.period_start = told.period_start
    and counted.dimension = told.dimension and counted.dimension_key = told.dimension_key
where counted.unconverted_count = 0 and abs(coalesce(told.quota_amount, -1) - counted.quota_amount) > 0.01

union all

select 'day', calendar_date, dimension || ' ' || dimension_key, sum(quota_amount), count(*), 'A day of a member''s quota is counted twice.'
from {{ ref('mart_sales__quota_days') }}
where dimension <> 'all'
group by calendar_date, dimension, dimension_key, quota_start_date, quota_end_date
having count(*) > 1
