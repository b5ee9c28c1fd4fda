with as_of as (

    select {{ reporting_date('max(warehouse_data_through)') }} as as_of_date
    from {{ ref('dim_sources') }}

),

-- what stands in a stage, with an owner, in a currency, from one change to the next
positions as (

    select
        stage_key, owner_key, currency_code, calendar_date as from_date,
        sum(count_delta) over so_far as open_count,
        sum(amount_count_delta) over so_far as amount_count,
        sum(amount_delta) over so_far as amount,
        lead(calendar_date) over in_order as next_date
    from {{ ref('mart_sales__pipeline_changes_daily') }}
    window
        in_order as (partition by stage_key, owner_key, currency_code order by calendar_date),
        so_far as (
            partition by stage_key, owner_key, currency_code order by calendar_date
            rows between unbounded preceding and current row
        )

),

days as (

    select
        positions.stage_key, positions.owner_key, positions.currency_code,
        positions.open_count, positions.amount_count, positions.amount,
        {{ days_between('positions.from_date', "coalesce(positions.next_date - interval 1 day, as_of.as_of_date)", 'calendar_date') }}
    from positions
    cross join as_of
    where positions.open_count <> 0

)

select
    days.calendar_date,
    stages.pipeline_key,
    days.stage_key,
    days.owner_key,
    cast(sum(days.open_count) as bigint) as open_count,
    cast(coalesce(sum({{ converted('days.amount', 'rates.exchange_rate') }}), 0) as decimal(18, 2)) as open_amount,
    cast(coalesce(sum(case when rates.exchange_rate is null then days.amount_count end), 0) as bigint) as unconverted_count,
    '{{ var("currency") }}' as currency_code,
    'booked' as amount_basis
from days
left join {{ ref('mart_sales__stages') }} as stages on stages.stage_key = days.stage_key
left join {{ ref('dim_exchange_rates') }} as rates
    on rates.rate_date = days.calendar_date
    and rates.from_currency_code = days.currency_code
    and rates.to_currency_code = '{{ var("currency") }}'
group by 1, 2, 3, 4
