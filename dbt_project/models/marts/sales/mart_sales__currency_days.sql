with rates as (

    select * from {{ ref('mart_sales__foreign_rates') }}

),

moved as (

    select
        calendar_date, pipeline_key, owner_key, currency_code,
        count(*) as movement_count, coalesce(sum(amount_delta), 0) as amount_delta, coalesce(sum(booked_amount_delta), 0) as booked_amount_delta
    from {{ ref('mart_sales__dated_movements') }}
    where currency_code in (select currency_code from rates) and bucket not in ('pulled_in', 'pushed_out')
    group by calendar_date, pipeline_key, owner_key, currency_code

),

stood as (

    select calendar_date, pipeline_key, owner_key, currency_code, amount_count_delta, amount_delta
    from {{ ref('mart_sales__open_positions_daily') }}
    where currency_code in (select currency_code from rates)

),

changes as (

    select
        calendar_date, pipeline_key, owner_key, currency_code,
        sum(amount_count_delta) as position_amount_count_delta, sum(position_delta) as position_amount_delta,
        sum(movement_count) as movement_count, sum(movement_delta) as movement_amount_delta, sum(booked_amount_delta) as booked_amount_delta
    from (
        select calendar_date, pipeline_key, owner_key, currency_code, amount_count_delta, amount_delta as position_delta,
            0 as movement_count, 0 as movement_delta, 0 as booked_amount_delta
        from stood
        union all
        select calendar_date, pipeline_key, owner_key, currency_code, 0, 0, movement_count, amount_delta, booked_amount_delta from moved
    ) as either
    group by calendar_date, pipeline_key, owner_key, currency_code

),

position_days as (

    select positions.pipeline_key, positions.owner_key, positions.currency_code, rates.calendar_date, rates.exchange_rate, rates.rate_before
    from (
        select pipeline_key, owner_key, currency_code, min(calendar_date) as first_date
        from changes
        group by pipeline_key, owner_key, currency_code
    ) as positions
    inner join rates on positions.currency_code = rates.currency_code and rates.calendar_date >= positions.first_date

),

running as (

    select
        days.*,
        coalesce(changes.position_amount_count_delta, 0) as position_amount_count_delta,
        coalesce(changes.position_amount_delta, 0) as position_amount_delta,
        coalesce(changes.movement_count, 0) as movement_count,
        coalesce(changes.movement_amount_delta, 0) as movement_amount_delta,
        coalesce(changes.booked_amount_delta, 0) as booked_amount_delta,
        changes.calendar_date is not null as is_changed,
        sum(coalesce(changes.position_amount_count_delta, 0)) over so_far as amount_count,
        cast(sum(coalesce(changes.position_amount_delta, 0)) over so_far as decimal(18, 2)) as open_amount
    from position_days as days
    left join changes
        on changes.calendar_date = days.calendar_date and changes.pipeline_key = days.pipeline_key and changes.owner_key = days.owner_key
        and changes.currency_code = days.currency_code
    window so_far as (
        partition by days.pipeline_key, days.owner_key, days.currency_code order by days.calendar_date
        rows between unbounded preceding and current row
    )

),

-- a position without a rate is worth nothing that can be told: its deals are counted as unconverted
closed as (

    select
        *,
        coalesce({{ converted('open_amount', 'exchange_rate') }}, 0) as closing_amount,
        -- the closing of the eve
        coalesce({{ converted('(open_amount - position_amount_delta)', 'rate_before') }}, 0) as opening_amount
    from running

),

-- on a day without a change both are what the position of the eve is worth at the day's rate
valued as (

    select
        *,
        case when is_changed then coalesce({{ converted('(open_amount - position_amount_delta)', 'exchange_rate') }}, 0) else closing_amount end
            as revalued_amount,
        case when is_changed
                then coalesce({{ converted('(open_amount - position_amount_delta + movement_amount_delta)', 'exchange_rate') }}, 0)
            else closing_amount end as moved_amount
    from closed

)

select
    calendar_date,
    pipeline_key,
    owner_key,
    currency_code as deal_currency_code,
    cast(opening_amount as decimal(18, 2)) as opening_amount,
    cast(closing_amount as decimal(18, 2)) as closing_amount,
    -- what the ledger's movements add to the position, less the same deal by deal in cents: worked out without the closing amount
    cast(moved_amount - opening_amount - booked_amount_delta as decimal(18, 2)) as exchange_rate_amount,
    cast(moved_amount - revalued_amount - booked_amount_delta as decimal(18, 2)) as rounding_amount,
    cast(case when (exchange_rate is null) <> (rate_before is null) then revalued_amount - opening_amount else 0 end as decimal(18, 2))
        as rate_gap_amount,
    cast(movement_count as bigint) as movement_count,
    cast(case when rate_before is null then amount_count - position_amount_count_delta else 0 end as bigint) as opening_unconverted_count,
    cast(case when exchange_rate is null then amount_count else 0 end as bigint) as closing_unconverted_count
from valued
