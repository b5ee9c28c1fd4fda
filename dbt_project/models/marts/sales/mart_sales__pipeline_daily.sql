with as_of as (

    select {{ reporting_date('max(warehouse_data_through)') }} as as_of_date
    from {{ ref('dim_sources') }}

),

positions as (

    select stage_key, owner_key, currency_code, min(calendar_date) as first_date
    from {{ ref('mart_sales__pipeline_changes_daily') }}
    group by stage_key, owner_key, currency_code

),

position_days as (

    select positions.stage_key, positions.owner_key, positions.currency_code, dates.calendar_date
    from positions
    cross join as_of
    inner join {{ ref('dim_dates') }} as dates
        on dates.calendar_date >= positions.first_date and dates.calendar_date <= as_of.as_of_date

),

running as (

    select
        days.calendar_date, days.stage_key, days.owner_key, days.currency_code,
        sum(coalesce(changed.count_delta, 0)) over so_far as open_count,
        sum(coalesce(changed.amount_count_delta, 0)) over so_far as amount_count,
        sum(coalesce(changed.amount_delta, 0)) over so_far as amount
    from position_days as days
    left join {{ ref('mart_sales__pipeline_changes_daily') }} as changed
        on changed.calendar_date = days.calendar_date and changed.stage_key = days.stage_key
        and changed.owner_key = days.owner_key and changed.currency_code = days.currency_code
    window so_far as (
        partition by days.stage_key, days.owner_key, days.currency_code order by days.calendar_date
        rows between unbounded preceding and current row
    )

)

select
    running.calendar_date,
    stages.pipeline_key,
    running.stage_key,
    running.owner_key,
    cast(sum(running.open_count) as bigint) as open_count,
    cast(coalesce(sum({{ converted('running.amount', 'rates.exchange_rate') }}), 0) as decimal(18, 2)) as open_amount,
    cast(coalesce(sum(case when rates.exchange_rate is null then running.amount_count end), 0) as bigint) as unconverted_count,
    '{{ var("currency") }}' as currency_code,
    'booked' as amount_basis
from running
left join {{ ref('mart_sales__stages') }} as stages on stages.stage_key = running.stage_key
left join {{ ref('dim_exchange_rates') }} as rates
    on rates.rate_date = running.calendar_date
    and rates.from_currency_code = running.currency_code
    and rates.to_currency_code = '{{ var("currency") }}'
where running.open_count <> 0
group by 1, 2, 3, 4
