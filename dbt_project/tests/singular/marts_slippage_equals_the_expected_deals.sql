-- Slippage is the expected deals and the pushes, counted anew: per period, pipeline, owner and in all.
with pushes as (

    select period_grain, period_start, move.deal_key, move.pipeline_key, move.owner_key
    from {{ ref('mart_sales__expected_close_moves') }} as move
    inner join {{ ref('mart_metrics__periods') }} as period on period.calendar_date = move.moved_date
    where
        (period.period_grain = 'week' and move.is_to_later_week) or (period.period_grain = 'month' and move.is_to_later_month)
        or (period.period_grain = 'quarter' and move.is_to_later_quarter)

),

either as (

    select
        period_grain, period_start, pipeline_key, owner_key, 1 as expected, cast(is_closed_in_period as integer) as closed,
        cast(is_won_in_period as integer) as won, cast(is_removed_in_period as integer) as removed, expected_amount, cast(is_unconverted as integer) as unconverted,
        cast(null as uuid) as pushed_deal_key
    from {{ ref('mart_sales__expected_deals') }}
    union all
    select period_grain, period_start, pipeline_key, owner_key, 0, 0, 0, 0, null, 0, deal_key from pushes

),

sold as (

    select either.*, coalesce(owners.team_name, 'unknown') as team_name
    from either
    left join {{ ref('dim_owners') }} as owners on owners.owner_key = either.owner_key

),

counted as (

    {% for dimension, key in [('all', "'all'"), ('pipeline', 'cast(pipeline_key as varchar)'), ('owner', 'cast(owner_key as varchar)'), ('team', 'team_name')] -%}
    select
        '{{ dimension }}' as dimension, {{ key }} as dimension_key, period_grain, period_start, sum(expected) as expected_count, sum(closed) as closed_count,
        sum(expected - closed) as slipped_count, sum(won) as won_count, sum(expected - won) as not_won_count, sum(removed) as removed_count,
        coalesce(sum(expected_amount), 0) as expected_amount, coalesce(sum(case when closed = 0 then expected_amount end), 0) as slipped_amount,
        sum(unconverted) as unconverted_count, count(pushed_deal_key) as push_count, count(distinct pushed_deal_key) as pushed_deal_count
    from sold
    group by {{ key }}, period_grain, period_start
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

labels as (

    select dimension, dimension_key, dimension_value from {{ ref('mart_metrics__dimension_values') }}

),

told as (

    select
        dimension, dimension_key, period_grain, period_start, expected_count, closed_count, slipped_count, won_count, not_won_count, removed_count, expected_amount,
        slipped_amount, unconverted_count, push_count, pushed_deal_count
    from {{ ref('mart_sales__slippage') }}

)

select 'only in the mart' as where_it_stands, *, 'mart_sales__slippage counts otherwise than the deals that were expected, or the plans that were pushed.' as likely_cause
from (select * from told except all select * from counted)
union all
select 'not in the mart', *, 'mart_sales__slippage lacks a period of a pipeline or owner, or tells it otherwise.'
from (select * from counted except all select * from told)
union all
select 'with a wrong name', mart.dimension, mart.dimension_key, mart.period_grain, mart.period_start, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 'A row of mart_sales__slippage bears another name than its key does.'
from {{ ref('mart_sales__slippage') }} as mart
left join labels on labels.dimension = mart.dimension and labels.dimension_key = mart.dimension_key
left join (select distinct period_grain, period_start, is_complete_period from {{ ref('mart_metrics__periods') }}) as period
    on period.period_grain = mart.period_grain and period.period_start = mart.period_start
where mart.dimension_value is distinct from labels.dimension_value or mart.is_complete_period is distinct from period.is_complete_period
