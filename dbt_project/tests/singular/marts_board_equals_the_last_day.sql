-- The board, from the deals' current records, equals the last day of the daily pipeline, from their history: in count exactly, in
-- amount to the rounding of each deal's conversion to cents.
with last_day as (

    select
        daily.stage_key, sum(daily.open_count) as deal_count, sum(daily.open_amount) as total_amount, count(*) as group_count
    from {{ ref('mart_sales__pipeline_daily') }} as daily
    where daily.calendar_date = (select {{ reporting_date('max(warehouse_data_through)') }} from {{ ref('dim_sources') }})
    group by daily.stage_key

)

select
    coalesce(board.stage_key, last_day.stage_key) as stage_key,
    board.stage_name,
    board.deal_count as board_count, last_day.deal_count as last_day_count,
    board.total_amount as board_amount, last_day.total_amount as last_day_amount,
    'History and current records disagree: the last change of stage, amount, currency or owner of a deal in this stage is missing, doubled or late.'
        as likely_cause
from {{ ref('mart_sales__pipeline_board') }} as board
full join last_day on last_day.stage_key = board.stage_key
where coalesce(board.deal_count, 0) <> coalesce(last_day.deal_count, 0)
    or abs(coalesce(board.total_amount, 0) - coalesce(last_day.total_amount, 0))
        > 0.005 * (coalesce(board.deal_count, 0) + coalesce(last_day.group_count, 0))
