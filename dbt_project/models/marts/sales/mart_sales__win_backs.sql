{%- set splits = deal_splits() -%}
with as_of as (

    select max(warehouse_data_through) as data_through
    from {{ ref('dim_sources') }}

),

by_period as (

    select
        periods.period_grain, periods.period_start, periods.is_complete_period, {{ grouped_split(splits) }},
        count(*) as lost_count,
        count(losses.return_kind) as came_back_count,
        count(*) filter (where losses.return_kind = 'reopened') as reopened_count,
        count(*) filter (where losses.return_kind = 'new_deal') as new_deal_count,
        count(*) filter (where losses.is_won_back) as won_back_count,
        cast(coalesce(sum(losses.won_back_amount), 0) as decimal(18, 2)) as won_back_amount,
        count(*) filter (where losses.is_unconverted) as unconverted_count,
        cast(coalesce(sum(cast(losses.days_to_return as decimal(18, 9))), 0) as double) as total_days_to_return,
        count(*) filter (
            where losses.return_kind is null
            and {{ hours_between('losses.lost_at', 'as_of.data_through') }} / 24 <= {{ var("win_back_days") }}
        ) as undecided_count
    from {{ ref('mart_sales__returns') }} as losses
    cross join as_of
    inner join {{ ref('mart_metrics__periods') }} as periods
        on periods.calendar_date = losses.lost_date and periods.period_grain in ('month', 'quarter', 'year')
    {{ group_by_splits(['periods.period_grain', 'periods.period_start', 'periods.is_complete_period'], splits) }}

)

select
    by_period.period_grain,
    by_period.period_start,
    by_period.is_complete_period,
    by_period.dimension,
    by_period.dimension_key,
    labels.dimension_value,
    by_period.lost_count,
    by_period.came_back_count,
    {{ safe_ratio('by_period.came_back_count', 'by_period.lost_count') }} as win_back_rate,
    {{ wilson_low('by_period.came_back_count', 'by_period.lost_count') }} as win_back_rate_low,
    {{ wilson_high('by_period.came_back_count', 'by_period.lost_count') }} as win_back_rate_high,
    by_period.reopened_count,
    by_period.new_deal_count,
    by_period.undecided_count,
    by_period.won_back_count,
    by_period.won_back_amount,
    by_period.unconverted_count,
    by_period.total_days_to_return,
    {{ safe_ratio('by_period.total_days_to_return', 'by_period.came_back_count') }} as mean_days_to_return,
    '{{ var("currency") }}' as currency_code,
    'booked' as amount_basis
from by_period
left join {{ ref('mart_metrics__dimension_values') }} as labels
    on labels.dimension = by_period.dimension and labels.dimension_key = by_period.dimension_key
