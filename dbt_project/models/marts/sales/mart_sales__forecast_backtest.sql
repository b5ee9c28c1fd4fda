with forecasts as (

    select
        base.week_start as forecast_date, target.week_start, (target.week_start - base.week_start) / 7 + 1 as week_number,
        base.dimension, base.dimension_key, target.won_amount as actual_amount,
        base.last_week_amount, base.last_13_weeks_amount,
        coalesce(expected.weighted_amount, 0) as weighted_amount,
        coalesce(expected.open_amount, 0) as open_amount,
        coalesce(expected.standard_deviation, 0) as standard_deviation,
        coalesce(expected.without_probability_count, 0) as without_probability_count
    from {{ ref('mart_sales__won_weekly') }} as base
    cross join (select {{ reporting_date('max(warehouse_data_through)') }} as as_of_date from {{ ref('dim_sources') }}) as as_of
    inner join {{ ref('mart_sales__won_weekly') }} as target
        on target.dimension = base.dimension and target.dimension_key = base.dimension_key
        and target.week_start >= base.week_start and target.week_start < base.week_start + 91
    left join {{ ref('mart_sales__expected_wins') }} as expected
        on expected.forecast_date = base.week_start and expected.week_start = target.week_start and not expected.is_as_of
        and expected.dimension = base.dimension and expected.dimension_key = base.dimension_key
    -- what a week has brought is known when it is over
    where target.is_complete_period and base.week_start > as_of.as_of_date - 364

),

by_method as (

    select *, 'stage_weighted' as method, weighted_amount as forecast_amount from forecasts
    union all
    select *, 'last_13_weeks', last_13_weeks_amount from forecasts
    union all
    select *, 'last_week', last_week_amount from forecasts

),

bounded as (

    select
        *,
        {% for level, z in {'50': '0.674489750196082', '80': '1.281551565544600', '95': '1.959963984540054'}.items() -%}
        case when method = 'stage_weighted' then cast(greatest(weighted_amount - {{ z }} * standard_deviation, 0) as decimal(18, 2)) end as low_{{ level }}_amount,
        case when method = 'stage_weighted' then cast(least(weighted_amount + {{ z }} * standard_deviation, open_amount) as decimal(18, 2)) end
            as high_{{ level }}_amount{{ ',' if not loop.last }}
        {% endfor %}
    from by_method

)

select
    bounded.forecast_date,
    bounded.week_start,
    cast(bounded.week_number as bigint) as week_number,
    bounded.dimension,
    bounded.dimension_key,
    labels.dimension_value,
    bounded.method,
    cast(bounded.forecast_amount as decimal(18, 2)) as forecast_amount,
    bounded.actual_amount,
    cast(bounded.forecast_amount - bounded.actual_amount as decimal(18, 2)) as error_amount,
    cast(abs(bounded.forecast_amount - bounded.actual_amount) as decimal(18, 2)) as absolute_error_amount,
    {% for level in ['50', '80', '95'] -%}
    bounded.low_{{ level }}_amount,
    bounded.high_{{ level }}_amount,
    coalesce(bounded.actual_amount between bounded.low_{{ level }}_amount and bounded.high_{{ level }}_amount, false) as is_within_{{ level }},
    {% endfor -%}
    case when bounded.method = 'stage_weighted' then bounded.without_probability_count end as without_probability_count,
    case when bounded.forecast_amount is null then 'no_week_before' end as missing_reason,
    '{{ var("currency") }}' as currency_code,
    'booked' as amount_basis
from bounded
left join {{ ref('mart_metrics__dimension_values') }} as labels
    on labels.dimension = bounded.dimension and labels.dimension_key = bounded.dimension_key
