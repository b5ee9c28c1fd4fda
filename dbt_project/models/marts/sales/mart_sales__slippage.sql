{%- set splits = seller_splits() -%}
with expected as (

    select
        deals.period_grain, deals.period_start, {{ grouped_split(splits) }},
        count(*) as expected_count,
        count(*) filter (where deals.is_closed_in_period) as closed_count,
        count(*) filter (where not deals.is_closed_in_period) as slipped_count,
        count(*) filter (where deals.is_won_in_period) as won_count,
        count(*) filter (where not deals.is_won_in_period) as not_won_count,
        count(*) filter (where deals.is_removed_in_period) as removed_count,
        sum(deals.expected_amount) as expected_amount,
        sum(deals.expected_amount) filter (where not deals.is_closed_in_period) as slipped_amount,
        count(*) filter (where deals.is_unconverted) as unconverted_count,
        0 as push_count,
        0 as pushed_deal_count
    from {{ ref('mart_sales__expected_deals') }} as deals
    {{ group_by_splits(['deals.period_grain', 'deals.period_start'], splits) }}

),

pushes as (

    select
        periods.period_grain, periods.period_start, {{ grouped_split(splits) }},
        count(*) as push_count,
        count(distinct moves.deal_key) as pushed_deal_count
    from {{ ref('mart_sales__expected_close_moves') }} as moves
    inner join {{ ref('mart_metrics__periods') }} as periods
        on periods.calendar_date = moves.moved_date
        and case periods.period_grain
            when 'week' then moves.is_to_later_week when 'month' then moves.is_to_later_month
            when 'quarter' then moves.is_to_later_quarter else false
        end
    {{ group_by_splits(['periods.period_grain', 'periods.period_start'], splits) }}

),

measured as (

    select * from expected
    union all
    select period_grain, period_start, dimension, dimension_key, 0, 0, 0, 0, 0, 0, null, null, 0, push_count, pushed_deal_count
    from pushes

),

by_period as (

    select
        period_grain, period_start, dimension, dimension_key,
        {% for count in ['expected_count', 'closed_count', 'slipped_count', 'won_count', 'not_won_count', 'removed_count',
                         'unconverted_count', 'push_count', 'pushed_deal_count'] -%}
        cast(sum({{ count }}) as bigint) as {{ count }},
        {% endfor -%}
        cast(coalesce(sum(expected_amount), 0) as decimal(18, 2)) as expected_amount,
        cast(coalesce(sum(slipped_amount), 0) as decimal(18, 2)) as slipped_amount
    from measured
    group by 1, 2, 3, 4

),

periods as (

    select distinct period_grain, period_start, is_complete_period
    from {{ ref('mart_metrics__periods') }}

)

select
    by_period.period_grain,
    by_period.period_start,
    periods.is_complete_period,
    by_period.dimension,
    by_period.dimension_key,
    labels.dimension_value,
    by_period.expected_count,
    by_period.closed_count,
    by_period.slipped_count,
    {{ safe_ratio('slipped_count', 'expected_count') }} as slippage_rate,
    {{ wilson_low('slipped_count', 'expected_count') }} as slippage_rate_low,
    {{ wilson_high('slipped_count', 'expected_count') }} as slippage_rate_high,
    by_period.won_count,
    by_period.not_won_count,
    {{ safe_ratio('not_won_count', 'expected_count') }} as not_won_rate,
    {{ wilson_low('not_won_count', 'expected_count') }} as not_won_rate_low,
    {{ wilson_high('not_won_count', 'expected_count') }} as not_won_rate_high,
    by_period.removed_count,
    by_period.expected_amount,
    by_period.slipped_amount,
    {{ safe_ratio('slipped_amount', 'expected_amount') }} as slippage_amount_rate,
    by_period.unconverted_count,
    by_period.push_count,
    by_period.pushed_deal_count,
    '{{ var("currency") }}' as currency_code,
    'booked' as amount_basis
from by_period
inner join periods on periods.period_grain = by_period.period_grain and periods.period_start = by_period.period_start
left join {{ ref('mart_metrics__dimension_values') }} as labels
    on labels.dimension = by_period.dimension and labels.dimension_key = by_period.dimension_key
