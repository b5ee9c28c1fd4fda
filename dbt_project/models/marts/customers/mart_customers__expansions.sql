{%- set splits = {
    'channel': 'purchases.channel', 'product_line': 'purchases.product_line', 'company_size': 'purchases.company_size', 'country': 'purchases.country',
} -%}
with by_day as (

    select
        purchases.won_date as calendar_date,
        {{ grouped_split(splits) }},
        count(*) as customer_deal_count,
        {% for kind in ['upsell', 'cross_sell', 'repeat', 'no_line'] -%}
        count(*) filter (where purchases.purchase_kind = '{{ kind }}') as {{ kind }}_count,
        coalesce(sum(purchases.booked_amount) filter (where purchases.purchase_kind = '{{ kind }}'), 0) as {{ kind }}_amount,
        {% endfor -%}
        count(*) filter (where purchases.is_unconverted) as unconverted_count
    from {{ ref('mart_customers__purchases') }} as purchases
    where purchases.purchase_kind not in ('first', 'no_company')
    {{ group_by_splits(['purchases.won_date'], splits) }}

),

by_period as (

    {{ sums_by_period(ref('mart_metrics__periods'), 'by_day',
        ['customer_deal_count', 'upsell_count', 'cross_sell_count', 'repeat_count', 'no_line_count',
            'unconverted_count'],
        ['upsell_amount', 'cross_sell_amount'],
        grains=['month', 'quarter', 'year', 'all']) }}

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
