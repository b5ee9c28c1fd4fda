{%- set splits = {
    'channel': 'won_deals.channel', 'product_line': 'won_deals.product_line', 'company_size': 'won_deals.company_size', 'country': 'won_deals.country',
} -%}
with by_day as (

    select
        won_deals.won_date as calendar_date,
        {{ grouped_split(splits) }},
        count(*) filter (where won_deals.payment_status <> 'unknown') as won_count,
        {% for status in ['paid', 'part_paid', 'unpaid', 'not_yet_due'] -%}
        count(*) filter (where won_deals.payment_status = '{{ status }}') as {{ status }}_count,
        {% endfor -%}
        count(*) filter (where won_deals.payment_status = 'unknown') as unknown_payment_count,
        -- a promise whose result nobody has measured, and a deal whose discount nobody has stated, are in neither sum
        sum(won_deals.promised_amount) filter (where won_deals.achieved_amount is not null) as promised_amount,
        sum(won_deals.achieved_amount) filter (where won_deals.promised_amount is not null) as achieved_amount,
        count(*) filter (where won_deals.promised_amount is not null and won_deals.achieved_amount is null) as unmeasured_count,
        sum(won_deals.discount_amount) as discount_amount,
        sum(won_deals.booked_amount) filter (where won_deals.discount_amount is not null) as won_amount,
        count(*) filter (where won_deals.is_unconverted) as unconverted_count
    from {{ ref('mart_customers__won_deals') }} as won_deals
    {{ group_by_splits(['won_deals.won_date'], splits) }}

),

by_period as (

    {{ sums_by_period(ref('mart_metrics__periods'), 'by_day',
        ['won_count', 'paid_count', 'part_paid_count', 'unpaid_count', 'not_yet_due_count',
            'unknown_payment_count', 'unmeasured_count', 'unconverted_count'],
        ['promised_amount', 'achieved_amount', 'discount_amount', 'won_amount'],
        grains=['month', 'quarter', 'year', 'all']) }}

)

select
    by_period.period_grain,
    by_period.period_start,
    by_period.is_complete_period,
    by_period.dimension,
    by_period.dimension_key,
    coalesce(labels.dimension_value, by_period.dimension_key) as dimension_value,
    by_period.won_count,
    {% for status in ['paid', 'part_paid', 'unpaid'] -%}
    by_period.{{ status }}_count,
    {{ safe_ratio(status ~ '_count', 'won_count') }} as {{ status }}_rate,
    {{ wilson_low(status ~ '_count', 'won_count') }} as {{ status }}_rate_low,
    {{ wilson_high(status ~ '_count', 'won_count') }} as {{ status }}_rate_high,
    {% endfor -%}
    by_period.not_yet_due_count,
    by_period.unknown_payment_count,
    case when won_count = 0 then 'no_payments' end as payment_missing_reason,
    by_period.promised_amount,
    by_period.achieved_amount,
    {{ safe_ratio('achieved_amount', 'promised_amount') }} as value_delivered_rate,
    by_period.unmeasured_count,
    by_period.discount_amount,
    by_period.won_amount,
    {{ safe_ratio('discount_amount', 'won_amount') }} as discount_rate,
    by_period.unconverted_count,
    '{{ var("currency") }}' as currency_code,
    'booked' as amount_basis
from by_period
left join {{ ref('mart_metrics__dimension_values') }} as labels
    on labels.dimension = by_period.dimension and labels.dimension_key = by_period.dimension_key
