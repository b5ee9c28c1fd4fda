with rates as (

    select * from {{ ref('mart_sales__foreign_rates') }}

),

grains (period_grain, grain_flag) as (

    {{ grain_flags() }}

),

periods as (

    select period_grain, period_start, min(calendar_date) as first_date, max(calendar_date) as last_date
    from {{ ref('mart_metrics__periods') }}
    group by period_grain, period_start

),

moved as (

    select
        grains.period_grain, {{ period_start_of('grains.period_grain', 'movements.calendar_date') }} as period_start,
        movements.pipeline_key, movements.owner_key, movements.currency_code, movements.calendar_date,
        0 as opening_amount, movements.movement_count, movements.amount_delta, movements.booked_amount_delta
    from (
        select
            calendar_date, closing_grains, pipeline_key, owner_key, currency_code,
            count(*) as movement_count, coalesce(sum(amount_delta), 0) as amount_delta, coalesce(sum(booked_amount_delta), 0) as booked_amount_delta
        from {{ ref('mart_sales__dated_movements') }}
        where closing_grains > 0 and currency_code in (select currency_code from rates)
        group by calendar_date, closing_grains, pipeline_key, owner_key, currency_code
    ) as movements
    inner join grains on (movements.closing_grains & grains.grain_flag) > 0

),

positions as (

    select period_grain, period_start, pipeline_key, owner_key, currency_code, sum(opening_amount) as opening_amount
    from (
        select period_grain, period_start, pipeline_key, owner_key, currency_code, opening_amount
        from {{ ref('mart_sales__open_positions_by_close') }}
        where currency_code in (select currency_code from rates)
        union all
        select period_grain, period_start, pipeline_key, owner_key, currency_code, 0 from moved
    ) as either
    group by period_grain, period_start, pipeline_key, owner_key, currency_code

),

-- the days of the movements, those on which the currency lost its rate or got it back, and the last one
days as (

    select
        period_grain, period_start, pipeline_key, owner_key, currency_code, calendar_date,
        sum(movement_count) as movement_count, sum(amount_delta) as amount_delta, sum(booked_amount_delta) as booked_amount_delta
    from (
        select period_grain, period_start, pipeline_key, owner_key, currency_code, calendar_date, movement_count, amount_delta, booked_amount_delta
        from moved
        union all
        select positions.period_grain, positions.period_start, positions.pipeline_key, positions.owner_key, positions.currency_code,
            rates.calendar_date, 0, 0, 0
        from positions
        inner join periods on positions.period_grain = periods.period_grain and positions.period_start = periods.period_start
        inner join rates
            on positions.currency_code = rates.currency_code and rates.calendar_date >= periods.first_date and rates.calendar_date <= periods.last_date
        where rates.calendar_date = periods.last_date or (rates.exchange_rate is null) <> (rates.rate_before is null)
    ) as either
    group by period_grain, period_start, pipeline_key, owner_key, currency_code, calendar_date

),

running as (

    select
        days.*, rates.exchange_rate, rates.rate_before,
        case when row_number() over in_order = 1 then first_rates.rate_before else lag(rates.exchange_rate) over in_order end as last_rate,
        positions.opening_amount + sum(days.amount_delta) over in_order - days.amount_delta as amount_before
    from days
    inner join positions
        on positions.period_grain = days.period_grain and positions.period_start = days.period_start and positions.pipeline_key = days.pipeline_key
        and positions.owner_key = days.owner_key and positions.currency_code = days.currency_code
    inner join periods on periods.period_grain = days.period_grain and periods.period_start = days.period_start
    left join rates on rates.calendar_date = days.calendar_date and rates.currency_code = days.currency_code
    left join rates as first_rates on first_rates.calendar_date = periods.first_date and first_rates.currency_code = days.currency_code
    window in_order as (
        partition by days.period_grain, days.period_start, days.pipeline_key, days.owner_key, days.currency_code order by days.calendar_date
        rows between unbounded preceding and current row
    )

),

valued as (

    select
        *,
        round(amount_before * coalesce(last_rate, 0), 2) as opening_amount,
        round(amount_before * coalesce(rate_before, 0), 2) as eve_amount,
        round(amount_before * coalesce(exchange_rate, 0), 2) as revalued_amount,
        round((amount_before + amount_delta) * coalesce(exchange_rate, 0), 2) as moved_amount
    from running

)

-- what stood, times the change of its rate since the day before among these, and what rounding the movements to cents leaves
select
    period_grain,
    period_start,
    calendar_date,
    pipeline_key,
    owner_key,
    currency_code as deal_currency_code,
    cast(moved_amount - opening_amount - booked_amount_delta as decimal(18, 2)) as exchange_rate_amount,
    cast(moved_amount - revalued_amount - booked_amount_delta as decimal(18, 2)) as rounding_amount,
    cast(case when (exchange_rate is null) <> (rate_before is null) then revalued_amount - eve_amount else 0 end as decimal(18, 2)) as rate_gap_amount,
    cast(movement_count as bigint) as movement_count
from valued
