-- The board counts every open deal of dim_deals once, with its amount.
with board as (

    select stage_key, sum(deal_count) as deal_count, sum(total_amount) as total_amount
    from {{ ref('mart_sales__pipeline_board') }}
    group by stage_key

),

deals as (

    select stage_key, count(*) as deal_count, coalesce(sum(booked_amount), 0) as total_amount
    from {{ ref('dim_deals') }}
    where deal_status = 'open'
    group by stage_key

)

select
    coalesce(board.stage_key, deals.stage_key) as stage_key,
    board.deal_count as board_count, deals.deal_count, board.total_amount as board_amount, deals.total_amount,
    'Open deals stand in a stage that mart_sales__stages does not hold, or a stage is held twice.' as likely_cause
from board
full join deals on deals.stage_key = board.stage_key
where coalesce(board.deal_count, 0) <> coalesce(deals.deal_count, 0)
    or coalesce(board.total_amount, 0) <> coalesce(deals.total_amount, 0)
