{%- set splits = {
    'channel': 'purchases.channel', 'product_line': 'purchases.product_line', 'company_size': 'purchases.company_size', 'country': 'purchases.country',
} -%}
with by_day as (

    select
        purchases.won_date as calendar_date,
        splits.dimension,
        {{ split_key('splits.dimension', splits) }} as dimension_key,
        count(*) as customer_deal_count,
        {% for kind in ['upsell', 'cross_sell', 'repeat', 'no_line'] -%}
        count(*) filter (where purchases.purchase_kind = '{{ kind }}') as {{ kind }}_count,
        sum(purchases.booked_amount) filter (where purchases.purchase_kind = '{{ kind }}') as {{ kind }}_amount,
        {% endfor -%}
        count(*) filter (where purchases.is_unconverted) as unconverted_count
    from {{ ref('mart_customers__purchases') }} as purchases
    cross join {{ split_names(splits) }}
    where purchases.purchase_kind not in ('first', 'no_company')
    group by 1, 2, 3

),

by_period as (

    select
        periods.period_grain,
        periods.period_start,
        periods.is_complete_period,
        by_day.dimension,
        by_day.dimension_key,
        {% for count in ['customer_deal_count', 'upsell_count', 'cross_sell_count', 'repeat_count', 'no_line_count', 'unconverted_count'] -%}
        cast(sum(by_day.{{ count }}) as bigint) as {{ count }},
        {% endfor -%}
        cast(coalesce(sum(by_day.upsell_amount), 0) as decimal(18, 2)) as upsell_amount,
        cast(coalesce(sum(by_day.cross_sell_amount), 0) as decimal(18, 2)) as cross_sell_amount
    from by_day
    inner join {{ ref('mart_metrics__periods') }} as periods on periods.calendar_date = by_day.calendar_date
    where periods.period_grain in ('month', 'quarter', 'year', 'all')
    group by 1, 2, 3, 4, 5

)

select
    by_period.period_grain,
    by_period.period_start,
    by_period.is_complete_period,
    by_period.dimension,
    by_period.dimension_key,
    coalesce(labels.dimension_value, by_period.dimension_key) as dimension_value,
    by_period.customer_deal_count,
    {% for kind in ['upsell', 'cross_sell'] -%}
    by_period.{{ kind }}_count,
    {{ safe_ratio(kind ~ '_count', 'customer_deal_count') }} as {{ kind }}_rate,
    {{ wilson_low(kind ~ '_count', 'customer_deal_count') }} as {{ kind }}_rate_low,
    {{ wilson_high(kind ~ '_count', 'customer_deal_count') }} as {{ kind }}_rate_high,
    by_period.{{ kind }}_amount,
    {% endfor -%}
    by_period.repeat_count,
    by_period.no_line_count,
    by_period.unconverted_count,
    '{{ var("currency") }}' as currency_code,
    'booked' as amount_basis
from by_period
left join {{ ref('mart_metrics__dimension_values') }} as labels
    on labels.dimension = by_period.dimension and labels.dimension_key = by_period.dimension_key
