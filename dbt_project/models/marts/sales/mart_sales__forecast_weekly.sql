with as_of as (

    select {{ reporting_date('max(warehouse_data_through)') }} as as_of_date, cast(date_trunc('week', {{ reporting_date('max(warehouse_data_through)') }}) as date) as as_of_week
    from {{ ref('dim_sources') }}

),

-- what is left of the running week, and the twelve after it
weeks as (

    select distinct dates.week_start_date as week_start, (dates.week_start_date - as_of.as_of_week) / 7 + 1 as week_number, as_of.as_of_date, as_of.as_of_week
    from {{ ref('dim_dates') }} as dates
    cross join as_of
    where dates.calendar_date >= as_of.as_of_week and dates.calendar_date < as_of.as_of_week + 91

),

forecasts as (

    select
        weeks.as_of_date, weeks.week_start, weeks.week_number, won.dimension, won.dimension_key,
        won.last_week_amount, won.last_13_weeks_amount,
        coalesce(expected.deal_count, 0) as deal_count,
        coalesce(expected.open_amount, 0) as open_amount,
        coalesce(expected.weighted_amount, 0) as weighted_amount,
        coalesce(expected.standard_deviation, 0) as standard_deviation,
        coalesce(expected.without_probability_count, 0) as without_probability_count,
        coalesce(expected.unconverted_count, 0) as unconverted_count
    from weeks
    inner join {{ ref('mart_sales__won_weekly') }} as won on won.week_start = weeks.as_of_week
    left join {{ ref('mart_sales__expected_wins') }} as expected
        on expected.is_as_of and expected.week_start = weeks.week_start
        and expected.dimension = won.dimension and expected.dimension_key = won.dimension_key

),

-- how far each method was off, week for week, over the last year
backtests as (

    select
        dimension, dimension_key, method,
        count(forecast_amount) as backtest_count,
        cast(round(cast(sum(absolute_error_amount) as double) / nullif(count(forecast_amount), 0), 2) as decimal(18, 2)) as mean_absolute_error_amount,
        {% for level in ['50', '80', '95'] -%}
        {{ safe_ratio('count(*) filter (where is_within_' ~ level ~ ')', 'count(low_' ~ level ~ '_amount)') }} as within_{{ level }}_share{{ ',' if not loop.last }}
        {% endfor %}
    from {{ ref('mart_sales__forecast_backtest') }}
    group by 1, 2, 3

),

baselines as (

    select dimension, dimension_key, min(mean_absolute_error_amount) as baseline_error_amount
    from backtests
    where method <> 'stage_weighted'
    group by 1, 2

),

by_method as (

    select *, 'stage_weighted' as method, weighted_amount as forecast_amount from forecasts
    union all
    select *, 'last_13_weeks', last_13_weeks_amount from forecasts
    union all
    select *, 'last_week', last_week_amount from forecasts

)

select
    by_method.as_of_date as forecast_date,
    by_method.week_start,
    cast(by_method.week_number as bigint) as week_number,
    by_method.dimension,
    by_method.dimension_key,
    labels.dimension_value,
    by_method.method,
    cast(by_method.forecast_amount as decimal(18, 2)) as forecast_amount,
    {% for level, z in {'50': '0.674489750196082', '80': '1.281551565544600', '95': '1.959963984540054'}.items() -%}
    case when by_method.method = 'stage_weighted'
        then cast(greatest(by_method.weighted_amount - {{ z }} * by_method.standard_deviation, 0) as decimal(18, 2)) end as low_{{ level }}_amount,
    case when by_method.method = 'stage_weighted'
        then cast(least(by_method.weighted_amount + {{ z }} * by_method.standard_deviation, by_method.open_amount) as decimal(18, 2)) end as high_{{ level }}_amount,
    {% endfor -%}
    by_method.deal_count,
    by_method.open_amount,
    by_method.without_probability_count,
    by_method.unconverted_count,
    coalesce(backtests.backtest_count, 0) as backtest_count,
    backtests.mean_absolute_error_amount,
    baselines.baseline_error_amount,
    backtests.mean_absolute_error_amount < baselines.baseline_error_amount as beats_baseline,
    backtests.within_50_share,
    backtests.within_80_share,
    backtests.within_95_share,
    case when by_method.forecast_amount is null then 'no_week_before' end as missing_reason,
    '{{ var("currency") }}' as currency_code,
    'booked' as amount_basis
from by_method
left join {{ ref('mart_metrics__dimension_values') }} as labels
    on labels.dimension = by_method.dimension and labels.dimension_key = by_method.dimension_key
left join backtests
    on backtests.dimension = by_method.dimension and backtests.dimension_key = by_method.dimension_key and backtests.method = by_method.method
left join baselines on baselines.dimension = by_method.dimension and baselines.dimension_key = by_method.dimension_key
