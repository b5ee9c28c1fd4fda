-- The losses of a period, and what became of them, are counted once in every dimension; of a company that did not come back no later deal began within the days,
-- and a new deal that brought it back is the first one after the loss.
with as_of as (

    select max(warehouse_data_through) as data_through from {{ ref('dim_sources') }}

),

counted as (

    select
        periods.period_grain, periods.period_start, count(*) as lost_count, count(returns.return_kind) as came_back_count,
        sum(case when returns.is_won_back then 1 else 0 end) as won_back_count,
        sum(case when returns.is_unconverted then 1 else 0 end) as unconverted_count,
        sum(case when returns.return_kind is null and {{ hours_between('returns.lost_at', 'as_of.data_through') }} <= 24 * {{ var("win_back_days") }} then 1 else 0 end) as undecided_count
    from {{ ref('mart_sales__returns') }} as returns
    cross join as_of
    inner join {{ ref('mart_metrics__periods') }} as periods
        on periods.calendar_date = returns.lost_date and periods.period_grain in ('month', 'quarter', 'year')
    group by 1, 2

),

told as (

    select
        period_grain, period_start, dimension, sum(lost_count) as lost_count, sum(came_back_count) as came_back_count, sum(won_back_count) as won_back_count,
        sum(unconverted_count) as unconverted_count, sum(undecided_count) as undecided_count
    from {{ ref('mart_sales__win_backs') }}
    group by 1, 2, 3

),

next_deals as (

    select returns.loss_key, min(deals.created_at) as created_at
    from {{ ref('mart_sales__returns') }} as returns
    inner join {{ ref('dim_deals') }} as deals
        on deals.company_key = returns.company_key and deals.deal_status not in ('deleted', 'merged') and deals.created_at > returns.lost_at
    where returns.company_key <> {{ unknown_key() }}
    group by returns.loss_key

)

select
    told.period_grain || ' ' || told.period_start || ' ' || told.dimension as row_key, told.lost_count, counted.lost_count as counted_count,
    'The losses of a period or their returns are not those of mart_sales__returns: look at mart_sales__win_backs.' as likely_cause
from told
full join counted on counted.period_grain = told.period_grain and counted.period_start = told.period_start
where told.lost_count is distinct from counted.lost_count or told.came_back_count is distinct from counted.came_back_count
    or told.won_back_count is distinct from counted.won_back_count or told.unconverted_count is distinct from counted.unconverted_count
    or told.undecided_count is distinct from counted.undecided_count

union all

select cast(returns.loss_key as varchar), null, null, 'A company came back and does not count, or by another deal than its next one: look at mart_sales__returns.'
from {{ ref('mart_sales__returns') }} as returns
inner join next_deals on next_deals.loss_key = returns.loss_key
where (returns.return_kind = 'new_deal' and returns.returned_at <> next_deals.created_at)
    or (returns.return_kind is null
        and {{ hours_between('returns.lost_at', 'next_deals.created_at') }} <= 24 * {{ var("win_back_days") }})
