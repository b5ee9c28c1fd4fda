with limits as (

    {{ declared_limits(['cost_lag']) }}
    from {{ ref('limits') }}

),

months as (

    select distinct
        period_start,
        extract(year from period_start) * 12 + extract(month from period_start) as month_number
    from {{ ref('mart_metrics__periods') }}
    where period_grain = 'month'

),

spend as (

    select
        periods.period_grain,
        periods.period_start,
        splits.dimension,
        {{ split_key('splits.dimension', {'channel': "coalesce(spend.channel, 'unknown')"}) }} as dimension_key,
        sum(spend.booked_amount) as spend_amount,
        count(*) as spend_count,
        count(*) - count(spend.booked_amount) as unconverted_count
    from {{ ref('fct_marketing_spend') }} as spend
    inner join {{ ref('mart_metrics__periods') }} as periods on periods.calendar_date = spend.spend_date
    cross join {{ split_names({'channel': ''}) }}
    where periods.period_grain <> 'day'
    group by 1, 2, 3, 4

),

-- what a month cost stands against the leads of a later one
later_months as (

    select months.period_start, spend.dimension, spend.dimension_key, spend.spend_amount, spend.spend_count, spend.unconverted_count
    from spend
    cross join limits
    inner join months as spent on spent.period_start = spend.period_start
    inner join months on months.month_number = spent.month_number + limits.cost_lag_limit
    where spend.period_grain = 'month'

),

measured as (

    select period_grain, period_start, dimension, dimension_key, lead_count, customer_count,
        cast(null as decimal(18, 2)) as spend_amount, 0 as spend_count, 0 as unconverted_count,
        cast(null as decimal(18, 2)) as lagged_amount, 0 as lagged_count, 0 as lagged_unconverted_count
    from {{ ref('mart_marketing__lead_funnel') }}
    where dimension in ('all', 'channel') and period_grain <> 'day'

    union all

    select period_grain, period_start, dimension, dimension_key, 0, 0, spend_amount, spend_count, unconverted_count, null, 0, 0
    from spend

    union all

    select 'month', period_start, dimension, dimension_key, 0, 0, null, 0, 0, spend_amount, spend_count, unconverted_count
    from later_months

),

by_period as (

    select
        period_grain, period_start, dimension, dimension_key,
        cast(sum(lead_count) as bigint) as lead_count,
        cast(sum(customer_count) as bigint) as customer_count,
        -- a part of the spend that no rate converts makes the whole unknown: it would look cheap
        case when sum(unconverted_count) = 0 then cast(sum(spend_amount) as decimal(18, 2)) end as spend_amount,
        case
            when sum(spend_count) = 0 then 'no_spend'
            when sum(unconverted_count) > 0 then 'no_exchange_rate'
        end as spend_missing_reason,
        case when sum(lagged_unconverted_count) = 0 then cast(sum(lagged_amount) as decimal(18, 2)) end as lagged_spend_amount
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
    coalesce(labels.dimension_value, by_period.dimension_key) as dimension_value,
    by_period.spend_amount,
    by_period.lead_count,
    {{ safe_ratio('spend_amount', 'lead_count') }} as cost_per_lead,
    coalesce(spend_missing_reason, case when lead_count = 0 then 'no_leads' end) as cost_missing_reason,
    by_period.customer_count,
    {{ safe_ratio('spend_amount', 'customer_count') }} as cost_per_customer,
    by_period.lagged_spend_amount,
    {{ safe_ratio('lagged_spend_amount', 'lead_count') }} as lagged_cost_per_lead,
    '{{ var("currency") }}' as currency_code,
    'booked' as amount_basis
from by_period
inner join periods on periods.period_grain = by_period.period_grain and periods.period_start = by_period.period_start
left join {{ ref('mart_metrics__dimension_values') }} as labels
    on labels.dimension = by_period.dimension and labels.dimension_key = by_period.dimension_key
