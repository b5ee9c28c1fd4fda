with periods as (

    select distinct period_grain, period_start, is_complete_period
    from {{ ref('mart_metrics__periods') }}
    where period_grain in ('month', 'quarter', 'year')

),

-- how much of a quota falls into a period: it counts by days
shares as (

    select
        periods.period_grain, periods.period_start, days.dimension, days.dimension_key, days.quota_start_date, days.quota_end_date,
        cast(sum(days.quota_amount) as double) / days.day_count as amount_in_period,
        cast(sum(days.quota_amount) as double) / count(*) as amount_in_all,
        count(*) as days_in_period,
        sum(days.unconverted_count) as unconverted_count
    from {{ ref('mart_sales__quota_days') }} as days
    inner join periods on periods.period_start = {{ period_start_of('periods.period_grain', 'days.calendar_date') }}
    group by 1, 2, 3, 4, 5, 6, days.day_count

),

-- what was won of a quota that began before the period
won_before as (

    select
        shares.period_grain, shares.period_start, shares.dimension, shares.dimension_key, shares.quota_start_date, shares.quota_end_date,
        sum(wins.won_amount) as won_amount
    from shares
    inner join {{ ref('mart_sales__win_rates') }} as wins
        on wins.period_grain = 'day' and wins.dimension = shares.dimension and wins.dimension_key = shares.dimension_key
        and wins.period_start >= shares.quota_start_date and wins.period_start < shares.period_start
    group by 1, 2, 3, 4, 5, 6

),

quotas as (

    select
        shares.period_grain, shares.period_start, shares.dimension, shares.dimension_key,
        sum(shares.amount_in_period) as quota_amount,
        sum(
            case
                when shares.quota_start_date >= shares.period_start then shares.amount_in_period
                -- what is left of it, spread over the days it has left
                else greatest(shares.amount_in_all - coalesce(won_before.won_amount, 0), 0) * shares.days_in_period
                    / (shares.quota_end_date - shares.period_start + 1)
            end
        ) as quota_to_win_amount,
        sum(shares.unconverted_count) as unconverted_count
    from shares
    left join won_before
        on won_before.period_grain = shares.period_grain and won_before.period_start = shares.period_start
        and won_before.dimension = shares.dimension and won_before.dimension_key = shares.dimension_key
        and won_before.quota_start_date = shares.quota_start_date and won_before.quota_end_date = shares.quota_end_date
    group by 1, 2, 3, 4

),

-- open and expected to close in the period when it began; a period without either stands for the company all the same
measured as (

    select
        period_grain, period_start, dimension, dimension_key, opening_count as expected_count, opening_amount as expected_amount,
        opening_unconverted_count as unconverted_count, null as quota_amount, null as quota_to_win_amount, 0 as unconverted_quota_count
    from {{ ref('mart_sales__pipeline_waterfall') }}
    where waterfall_form = 'closing_in_period' and period_grain in ('month', 'quarter', 'year') and opening_count > 0

    union all

    select period_grain, period_start, dimension, dimension_key, 0, 0, 0, quota_amount, quota_to_win_amount, unconverted_count
    from quotas

    union all

    select period_grain, period_start, 'all', 'all', 0, 0, 0, null, null, 0
    from periods

),

by_period as (

    select
        period_grain, period_start, dimension, dimension_key,
        cast(sum(expected_count) as bigint) as expected_count,
        cast(sum(expected_amount) as decimal(18, 2)) as expected_amount,
        cast(sum(unconverted_count) as bigint) as unconverted_count,
        cast(sum(unconverted_quota_count) as bigint) as unconverted_quota_count,
        case when sum(unconverted_quota_count) = 0 then cast(round(sum(quota_amount), 2) as decimal(18, 2)) end as quota_amount,
        case when sum(unconverted_quota_count) = 0 then cast(round(sum(quota_to_win_amount), 2) as decimal(18, 2)) end as quota_to_win_amount
    from measured
    group by 1, 2, 3, 4

)

select
    by_period.period_grain,
    by_period.period_start,
    periods.is_complete_period,
    by_period.dimension,
    by_period.dimension_key,
    labels.dimension_value,
    by_period.expected_count,
    by_period.expected_amount,
    by_period.unconverted_count,
    by_period.quota_amount,
    {{ safe_ratio('by_period.expected_amount', 'by_period.quota_amount') }} as coverage_ratio,
    by_period.quota_to_win_amount,
    {{ safe_ratio('by_period.expected_amount', 'by_period.quota_to_win_amount') }} as coverage_to_win_ratio,
    case
        when by_period.unconverted_quota_count > 0 then 'no_exchange_rate'
        when by_period.quota_amount is null then 'no_quota'
        when by_period.quota_amount = 0 then 'quota_of_zero'
        when by_period.quota_to_win_amount = 0 then 'already_won'
    end as missing_reason,
    '{{ var("currency") }}' as currency_code,
    'booked' as amount_basis
from by_period
inner join periods on periods.period_grain = by_period.period_grain and periods.period_start = by_period.period_start
left join {{ ref('mart_metrics__dimension_values') }} as labels
    on labels.dimension = by_period.dimension and labels.dimension_key = by_period.dimension_key
