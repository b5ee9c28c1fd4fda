{%- set splits = {
    'channel': 'customers.channel', 'product_line': 'customers.product_line', 'company_size': 'customers.company_size', 'country': 'customers.country',
} -%}
with by_day as (

    select
        customers.first_won_date as calendar_date,
        splits.dimension,
        {{ split_key('splits.dimension', splits) }} as dimension_key,
        count(*) as customer_count,
        count(*) filter (where customers.has_bought_again) as repeat_count,
        sum(customers.purchase_count) as purchase_count,
        sum(customers.referral_count) as referral_count
    from {{ ref('mart_customers__customers') }} as customers
    cross join {{ split_names(splits) }}
    group by 1, 2, 3

),

by_period as (

    select
        periods.period_grain,
        periods.period_start,
        periods.is_complete_period,
        by_day.dimension,
        by_day.dimension_key,
        {% for count in ['customer_count', 'repeat_count', 'purchase_count', 'referral_count'] -%}
        cast(sum(by_day.{{ count }}) as bigint) as {{ count }}{{ ',' if not loop.last }}
        {% endfor %}
    from by_day
    inner join {{ ref('mart_metrics__periods') }} as periods on periods.calendar_date = by_day.calendar_date
    where periods.period_grain in ('month', 'all')
    group by 1, 2, 3, 4, 5

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
