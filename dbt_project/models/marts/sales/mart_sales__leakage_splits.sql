{%- set splits = deal_splits() -%}
with left_or_dormant as (

    select
        leaks.left_date as calendar_date, leaks.pipeline_key, leaks.owner_key, leaks.team_name, leaks.channel, leaks.lead_direction, leaks.product_line,
        leaks.company_size, leaks.country,
        1 as leaked_count,
        {{ converted('leaks.last_amount', 'leaks.exchange_rate') }} as last_amount,
        {{ converted('leaks.maximum_amount', 'leaks.exchange_rate') }} as maximum_amount,
        0 as dormant_count,
        cast(null as decimal(18, 2)) as dormant_amount
    from {{ ref('mart_sales__leaks') }} as leaks

    union all

    -- dormant deals have not left: in the period of their last sign of life, for the owner they have now
    select
        {{ reporting_date('deals.last_sign_of_life_at') }}, deals.pipeline_key, deals.owner_key, coalesce(owners.team_name, 'unknown'), deals.channel,
        deals.lead_direction, deals.product_line, deals.company_size, deals.country, 0, null, null, 1, deals.booked_amount
    from {{ ref('mart_sales__deal_outcomes') }} as deals
    left join {{ ref('dim_owners') }} as owners on owners.owner_key = deals.owner_key
    where deals.is_dormant

),

by_day as (

    select
        calendar_date, {{ grouped_split(splits) }},
        sum(leaked_count) as leaked_count, sum(last_amount) as last_amount, sum(maximum_amount) as maximum_amount,
        sum(dormant_count) as dormant_count, sum(dormant_amount) as dormant_amount
    from left_or_dormant
    {{ group_by_splits(['calendar_date'], splits) }}

),

by_period as (

    {{ sums_by_period(ref('mart_metrics__periods'), 'by_day', ['leaked_count', 'dormant_count'], ['last_amount', 'maximum_amount', 'dormant_amount'],
        ['week', 'month', 'quarter', 'year', 'all']) }}

)

select
    by_period.period_grain,
    by_period.period_start,
    by_period.is_complete_period,
    by_period.dimension,
    by_period.dimension_key,
    labels.dimension_value,
    by_period.leaked_count,
    coalesce(by_period.last_amount, 0) as last_amount,
    coalesce(by_period.maximum_amount, 0) as maximum_amount,
    by_period.dormant_count,
    coalesce(by_period.dormant_amount, 0) as dormant_amount,
    '{{ var("currency") }}' as currency_code,
    'booked' as amount_basis
from by_period
left join {{ ref('mart_metrics__dimension_values') }} as labels
    on labels.dimension = by_period.dimension and labels.dimension_key = by_period.dimension_key
