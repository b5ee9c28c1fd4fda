-- What a forecast says of its own past is counted from the back-tests: how many there were, how far they were off on average, how many lay within. Whatever is
-- missing says why.
with counted as (

    select
        dimension, dimension_key, method,
        sum(case when forecast_amount is not null then 1 else 0 end) as backtest_count,
        avg(cast(absolute_error_amount as double)) as mean_error,
        {% for level in ['50', '80', '95'] -%}
        sum(case when actual_amount >= low_{{ level }}_amount and actual_amount <= high_{{ level }}_amount then 1.0 else 0.0 end)
            / sum(case when low_{{ level }}_amount is not null then 1 end) as share_{{ level }}{{ ',' if not loop.last }}
        {% endfor %}
    from {{ ref('mart_sales__forecast_backtest') }}
    group by 1, 2, 3

),

simple as (

    select dimension, dimension_key, min(mean_error) as least_error
    from counted
    where method in ('last_week', 'last_13_weeks')
    group by 1, 2

)

select
    told.week_start, told.dimension, told.dimension_key, told.method, told.backtest_count, counted.backtest_count as counted,
    'A forecast tells another past than its back-tests: look at mart_sales__forecast_weekly.' as likely_cause
from {{ ref('mart_sales__forecast_weekly') }} as told
left join counted on counted.dimension = told.dimension and counted.dimension_key = told.dimension_key and counted.method = told.method
left join simple on simple.dimension = told.dimension and simple.dimension_key = told.dimension_key
where told.backtest_count <> coalesce(counted.backtest_count, 0)
    or (told.mean_absolute_error_amount is null) <> (counted.mean_error is null)
    or abs(told.mean_absolute_error_amount - counted.mean_error) > 0.006
    or (told.baseline_error_amount is null) <> (simple.least_error is null)
    or abs(told.baseline_error_amount - simple.least_error) > 0.006
    or told.beats_baseline <> (told.mean_absolute_error_amount < told.baseline_error_amount)
    {% for level in ['50', '80', '95'] -%}
    or abs(told.within_{{ level }}_share - counted.share_{{ level }}) > 1e-9
    or (told.within_{{ level }}_share is null) <> (counted.share_{{ level }} is null)
    {% endfor -%}
    or (told.missing_reason is distinct from case when told.forecast_amount is null then 'no_week_before' end)
