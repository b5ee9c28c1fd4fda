{%- set splits = {
    'channel': 'customers.channel', 'product_line': 'customers.product_line', 'company_size': 'customers.company_size', 'country': 'customers.country',
} -%}
with by_day as (

    select
        customers.first_won_date as calendar_date,
        {{ grouped_split(splits) }},
        count(*) as customer_count,
        count(*) filter (where customers.has_bought_again) as repeat_count,
        sum(customers.purchase_count) as purchase_count,
        sum(customers.referral_count) as referral_count
    from {{ ref('mart_customers__customers') }} as customers
    {{ group_by_splits(['customers.first_won_date'], splits) }}

),

by_period as (

    {{ sums_by_period(ref('mart_metrics__periods'), 'by_day',
        ['customer_count', 'repeat_count', 'purchase_count', 'referral_count'], grains=['month', 'all']) }}

)

select
    by_period.period_grain,
    by_period.period_start,
    by_period.is_complete_period,
    by_period.dimension,
    by_period.dimension_key,
    coalesce(labels.dimension_value, by_period.dimension_key) as dimension_value,
    by_period.customer_count,
    by_period.repeat_count,
    {{ safe_ratio('repeat_count', 'customer_count') }} as repeat_rate,
    {{ wilson_low('repeat_count', 'customer_count') }} as repeat_rate_low,
    {{ wilson_high('repeat_count', 'customer_count') }} as repeat_rate_high,
    by_period.purchase_count,
    by_period.referral_count
from by_period
left join {{ ref('mart_metrics__dimension_values') }} as labels
    on labels.dimension = by_period.dimension and labels.dimension_key = by_period.dimension_key
