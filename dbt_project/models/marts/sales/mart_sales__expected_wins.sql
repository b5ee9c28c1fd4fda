with as_of as (

    select {{ reporting_date('max(warehouse_data_through)') }} as as_of_date, cast(date_trunc('week', {{ reporting_date('max(warehouse_data_through)') }}) as date) as as_of_week
    from {{ ref('dim_sources') }}

),

mondays as (

    select distinct dates.week_start_date as forecast_date
    from {{ ref('dim_dates') }} as dates
    cross join as_of
    where dates.calendar_date <= as_of.as_of_date and dates.week_start_date > as_of.as_of_date - 364

),

open_versions as (

    select
        versions.valid_from_date, versions.valid_to_date, versions.is_current, versions.pipeline_key, versions.stage_key, versions.deal_amount,
        versions.currency_code, versions.expected_close_date, dates.week_start_date as week_start
    from {{ ref('fct_deal_versions') }} as versions
    cross join as_of
    inner join {{ ref('dim_dates') }} as dates on dates.calendar_date = versions.expected_close_date
    where versions.deal_status = 'open'
        and versions.expected_close_date > as_of.as_of_date - 371
        and (versions.valid_to_date is null or versions.valid_to_date > as_of.as_of_date - 371)

),

-- how the deals stood when each of the last 52 weeks began, and how they stand now
standing as (

    select mondays.forecast_date, false as is_as_of, mondays.forecast_date as first_week, open_versions.*
    from open_versions
    inner join mondays
        on open_versions.valid_from_date < mondays.forecast_date
        and coalesce(open_versions.valid_to_date, mondays.forecast_date) >= mondays.forecast_date
        and open_versions.week_start >= mondays.forecast_date

    union all

    select as_of.as_of_date, true, as_of.as_of_week, open_versions.*
    from open_versions
    cross join as_of
    where open_versions.is_current and open_versions.expected_close_date >= as_of.as_of_date

),

positions as (

    select
        forecast_date, is_as_of, first_week, week_start, pipeline_key, stage_key, currency_code,
        count(*) as deal_count,
        count(deal_amount) as amount_count,
        cast(coalesce(sum(deal_amount), 0) as double) as amount,
        cast(coalesce(sum(deal_amount * deal_amount), 0) as double) as squared_amount
    from standing
    where week_start < first_week + 91
    group by 1, 2, 3, 4, 5, 6, 7

),

-- a deal is won or not: its amount has an expected value, and a variance that adds up if deals are won independently of each other
weighted as (

    select
        positions.*,
        stages.default_probability as probability,
        cast(rates.exchange_rate as double) as exchange_rate
    from positions
    left join {{ ref('dim_stages') }} as stages on stages.stage_key = positions.stage_key and stages.is_current
    left join {{ ref('dim_exchange_rates') }} as rates
        on rates.rate_date = positions.forecast_date and rates.from_currency_code = positions.currency_code
        and rates.to_currency_code = '{{ var("currency") }}'

)

select
    weighted.forecast_date,
    weighted.is_as_of,
    weighted.week_start,
    dimensions.dimension,
    {{ dimension_key('dimensions.dimension', 'weighted.pipeline_key') }} as dimension_key,
    cast(sum(weighted.deal_count) as bigint) as deal_count,
    -- as decimals: a sum of doubles depends on the order of the rows, and a cent on the sum
    cast(round(coalesce(sum(cast(weighted.amount * weighted.exchange_rate as decimal(38, 9))) filter (where weighted.probability is not null), 0), 2)
        as decimal(18, 2)) as open_amount,
    cast(round(coalesce(sum(cast(weighted.amount * weighted.exchange_rate * weighted.probability as decimal(38, 9))), 0), 2) as decimal(18, 2))
        as weighted_amount,
    round(sqrt(cast(coalesce(sum(cast(weighted.squared_amount * weighted.exchange_rate * weighted.exchange_rate
        * weighted.probability * (1 - weighted.probability) as decimal(38, 6))), 0) as double)), 2) as standard_deviation,
    cast(coalesce(sum(weighted.deal_count) filter (where weighted.probability is null), 0) as bigint) as without_probability_count,
    cast(coalesce(sum(weighted.amount_count) filter (where weighted.exchange_rate is null), 0) as bigint) as unconverted_count,
    '{{ var("currency") }}' as currency_code,
    'booked' as amount_basis
from weighted
cross join (select distinct dimension from {{ ref('mart_metrics__dimension_values') }} where dimension in ('all', 'pipeline')) as dimensions
group by 1, 2, 3, 4, 5
