with periods as (

    select distinct period_grain, period_start, prior_period_start, is_complete_period
    from {{ ref('mart_metrics__periods') }}
    where period_grain in ('month', 'quarter', 'year')

),

periods_with_money as (

    select
        periods.*,
        coalesce(revenue.won_amount, 0) as revenue_amount,
        coalesce(revenue.unconverted_won_count, 0) as unconverted_won_count,
        spend.spend_amount,
        -- a period without a row has no spend either
        coalesce(spend.cost_missing_reason, case when spend.spend_amount is null then 'no_spend' end) as spend_missing_reason
    from periods
    left join {{ ref('mart_sales__win_rates') }} as revenue
        on revenue.period_grain = periods.period_grain and revenue.period_start = periods.period_start and revenue.dimension = 'all'
    left join {{ ref('mart_marketing__cost_per_lead') }} as spend
        on spend.period_grain = periods.period_grain and spend.period_start = periods.period_start and spend.dimension = 'all'

),

changes as (

    select
        current.*,
        earlier.period_start is not null as has_period_before,
        earlier.spend_amount as prior_spend_amount,
        earlier.spend_missing_reason as prior_spend_missing_reason,
        earlier.revenue_amount as prior_revenue_amount,
        current.revenue_amount - earlier.revenue_amount as revenue_change_amount,
        current.spend_amount - earlier.spend_amount as spend_change_amount
    from periods_with_money as current
    left join periods_with_money as earlier
        on earlier.period_grain = current.period_grain and earlier.period_start = current.prior_period_start

)

select
    period_grain,
    period_start,
    is_complete_period,
    'all' as dimension,
    'all' as dimension_key,
    'all' as dimension_value,
    cast(revenue_amount as decimal(18, 2)) as revenue_amount,
    unconverted_won_count,
    spend_amount,
    cast(revenue_amount - spend_amount as decimal(18, 2)) as gain_amount,
    {{ safe_ratio('(revenue_amount - spend_amount)', 'spend_amount') }} as romi,
    case
        when spend_amount is null then spend_missing_reason
        when spend_amount = 0 then 'no_spend'
    end as romi_reason,
    cast(prior_revenue_amount as decimal(18, 2)) as prior_revenue_amount,
    prior_spend_amount,
    cast(revenue_change_amount as decimal(18, 2)) as revenue_change_amount,
    cast(spend_change_amount as decimal(18, 2)) as spend_change_amount,
    case when spend_change_amount > 0 then {{ safe_ratio('revenue_change_amount', 'spend_change_amount') }} end as incremental_romi,
    case
        when not has_period_before then 'no_period_before'
        when spend_amount is null then spend_missing_reason
        when prior_spend_amount is null then 'before: ' || prior_spend_missing_reason
        when spend_change_amount <= 0 then 'spend_did_not_rise'
    end as incremental_romi_reason,
    '{{ var("currency") }}' as currency_code,
    'booked' as amount_basis
from changes
