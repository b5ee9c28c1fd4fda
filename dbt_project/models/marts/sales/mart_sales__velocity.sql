{%- set splits = deal_splits() -%}
with periods as (

    select distinct period_grain, period_start, is_complete_period
    from {{ ref('mart_metrics__periods') }}
    where period_grain in ('week', 'month', 'quarter', 'year')

),

cycles as (

    select
        periods.period_grain, periods.period_start, {{ grouped_split(splits) }},
        -- as decimals, as in mart_sales__sales_cycle: a sum of doubles depends on the order of the rows
        cast(sum(cast(closes.days_from_created as decimal(18, 9))) as double) as total_days
    from {{ ref('mart_sales__closes') }} as closes
    inner join {{ ref('mart_metrics__periods') }} as periods on periods.calendar_date = closes.closed_date
    where closes.close_group = 'won' and not closes.is_removed
    {{ group_by_splits(['periods.period_grain', 'periods.period_start'], splits) }}

),

factors as (

    select
        period_grain, period_start, dimension, dimension_key,
        open_count, 0 as won_count, 0 as closed_count, null as won_amount, 0 as converted_won_count, null as total_days
    from {{ ref('mart_sales__open_at_ends') }}

    union all

    select period_grain, period_start, dimension, dimension_key, 0, won_count, closed_count, won_amount, converted_won_count, null
    from {{ ref('mart_sales__win_rates') }}

    union all

    select period_grain, period_start, dimension, dimension_key, 0, 0, 0, null, 0, total_days
    from cycles

),

by_period as (

    select
        period_grain, period_start, dimension, dimension_key,
        {% for measure in ['open_count', 'won_count', 'closed_count', 'converted_won_count'] -%}
        cast(sum({{ measure }}) as bigint) as {{ measure }},
        {% endfor -%}
        cast(coalesce(sum(won_amount), 0) as decimal(18, 2)) as won_amount,
        coalesce(sum(total_days), 0) as total_days
    from factors
    group by 1, 2, 3, 4

)

select
    by_period.period_grain,
    by_period.period_start,
    periods.is_complete_period,
    by_period.dimension,
    by_period.dimension_key,
    labels.dimension_value,
    by_period.open_count,
    by_period.won_count,
    by_period.closed_count,
    {{ safe_ratio('won_count', 'closed_count') }} as win_rate,
    {{ wilson_low('won_count', 'closed_count') }} as win_rate_low,
    {{ wilson_high('won_count', 'closed_count') }} as win_rate_high,
    by_period.won_amount,
    by_period.converted_won_count,
    {{ safe_ratio('won_amount', 'converted_won_count') }} as won_amount_per_deal,
    by_period.total_days,
    {{ safe_ratio('total_days', 'won_count') }} as mean_days,
    by_period.open_count * {{ safe_ratio('won_count', 'closed_count') }} * {{ safe_ratio('won_amount', 'converted_won_count') }}
        / ({{ safe_ratio('nullif(total_days, 0)', 'won_count') }}) as velocity_amount,
    case
        when by_period.won_count = 0 then 'nothing_won'
        when by_period.converted_won_count = 0 then 'no_amount'
        when by_period.total_days = 0 then 'no_days'
    end as velocity_missing_reason,
    '{{ var("currency") }}' as currency_code,
    'booked' as amount_basis
from by_period
inner join periods on periods.period_grain = by_period.period_grain and periods.period_start = by_period.period_start
left join {{ ref('mart_metrics__dimension_values') }} as labels
    on labels.dimension = by_period.dimension and labels.dimension_key = by_period.dimension_key
