with as_of as (

    select {{ reporting_date('max(warehouse_data_through)') }} as as_of_date
    from {{ ref('dim_sources') }}

),

marked as (

    select *, {{ first_of_deal('step_number') }} as is_first from {{ ref('fct_deal_steps') }}

),

neighbours as (

    select
        changed_date, deal_status, deal_amount, currency_code, owner_key, known_close_date,
        {{ row_before('deal_status', 'step_number') }} as status_before,
        {{ row_before('known_close_date', 'step_number') }} as close_before,
        {{ row_before('pipeline_key', 'step_number') }} as pipeline_before
    from marked

),

-- after the changes of amount, currency and owner of its instant, before its last move
redated as (

    select
        neighbours.*,
        {{ converted('neighbours.deal_amount', 'rates.exchange_rate') }} as booked_amount
    from neighbours
    cross join as_of
    left join {{ ref('dim_exchange_rates') }} as rates
        on rates.rate_date = least(neighbours.changed_date, as_of.as_of_date)
        and rates.from_currency_code = neighbours.currency_code
        and rates.to_currency_code = '{{ var("currency") }}'
    where neighbours.deal_status = 'open' and neighbours.status_before = 'open'
        and neighbours.known_close_date is distinct from neighbours.close_before

),

movements as (

    select moved_date, bucket, is_pipeline_change, known_close_date, cast(null as date) as other_close_date,
        pipeline_key, owner_key, currency_code, count_delta, amount_delta, booked_amount_delta,
        case when amount_missing_reason in ('no_currency', 'no_exchange_rate') and booked_amount_delta is null then 1 else 0 end
            as unconverted
    from {{ ref('fct_pipeline_movements') }}

    union all

    select changed_date, 'pushed_out', false, close_before, known_close_date,
        pipeline_before, owner_key, currency_code, -1, -deal_amount, -booked_amount,
        case when deal_amount is not null and booked_amount is null then 1 else 0 end
    from redated

    union all

    select changed_date, 'pulled_in', false, known_close_date, close_before,
        pipeline_before, owner_key, currency_code, 1, deal_amount, booked_amount,
        case when deal_amount is not null and booked_amount is null then 1 else 0 end
    from redated

)

select
    least(movements.moved_date, as_of.as_of_date) as calendar_date,
    movements.bucket,
    movements.is_pipeline_change,
    movements.known_close_date as expected_close_date,
    movements.other_close_date,
    movements.pipeline_key,
    movements.owner_key,
    coalesce(movements.currency_code, '') as currency_code,
    cast(count(*) as bigint) as movement_count,
    cast(sum(movements.count_delta) as bigint) as count_delta,
    cast(coalesce(sum(movements.amount_delta), 0) as decimal(18, 2)) as amount_delta,
    cast(coalesce(sum(movements.booked_amount_delta), 0) as decimal(18, 2)) as booked_amount_delta,
    cast(sum(movements.unconverted) as bigint) as unconverted_count
from movements
cross join as_of
group by 1, 2, 3, 4, 5, 6, 7, 8
