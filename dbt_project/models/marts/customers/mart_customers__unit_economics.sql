with periods as (

    select distinct period_grain, period_start, is_complete_period
    from {{ ref('mart_metrics__periods') }}
    where period_grain in ('month', 'quarter', 'year')

),

-- a cost is spread evenly over the days of its period; of the running period the days so far count
cost_of_a_day as (

    select
        periods.period_grain,
        periods.period_start,
        costs.process,
        costs.process_cost_key,
        max(costs.booked_amount) as booked_amount,
        max(costs.period_end_date - costs.period_start_date + 1) as cost_days,
        count(*) as days_in_period
    from {{ ref('fct_process_costs') }} as costs
    inner join {{ ref('mart_metrics__periods') }} as periods
        on periods.calendar_date between costs.period_start_date and costs.period_end_date
    where periods.period_grain in ('month', 'quarter', 'year')
    group by 1, 2, 3, 4

),

costs as (

    select
        period_grain,
        period_start,
        {% for process in ['attraction', 'sales', 'retention'] -%}
        -- a part that no rate converts makes the whole unknown
        case
            when count(*) filter (where process = '{{ process }}' and booked_amount is null) = 0
                then cast(sum(booked_amount * days_in_period / cost_days) filter (where process = '{{ process }}') as decimal(18, 2))
        end as {{ process }}_cost_amount,
        {% endfor -%}
        count(*) filter (where booked_amount is null) as unconverted_count
    from cost_of_a_day
    group by period_grain, period_start

),

measured as (

    select
        periods.period_grain,
        periods.period_start,
        periods.is_complete_period,
        costs.attraction_cost_amount,
        costs.sales_cost_amount,
        costs.retention_cost_amount,
        coalesce(costs.unconverted_count, 0) as unconverted_count,
        coalesce(leads.lead_count, 0) as lead_count,
        coalesce(customers.new_count, 0) as new_customer_count,
        coalesce(customers.opening_count, 0) as opening_customer_count,
        coalesce(customers.customer_count, 0) as customer_count,
        coalesce(revenue.won_amount, 0) as won_amount,
        coalesce(revenue.unconverted_won_count, 0) as unconverted_won_count
    from periods
    left join costs on costs.period_grain = periods.period_grain and costs.period_start = periods.period_start
    left join {{ ref('mart_marketing__lead_funnel') }} as leads
        on leads.period_grain = periods.period_grain and leads.period_start = periods.period_start and leads.dimension = 'all'
    left join {{ ref('mart_customers__retention') }} as customers
        on customers.period_grain = periods.period_grain and customers.period_start = periods.period_start and customers.dimension = 'all'
    left join {{ ref('mart_sales__win_rates') }} as revenue
        on revenue.period_grain = periods.period_grain and revenue.period_start = periods.period_start and revenue.dimension = 'all'

),

per_head as (

    select
        *,
        {{ safe_ratio('attraction_cost_amount', 'lead_count') }} as attraction_cost_per_lead,
        {{ safe_ratio('attraction_cost_amount', 'new_customer_count') }} as acquisition_cost_per_customer,
        {{ safe_ratio('sales_cost_amount', 'new_customer_count') }} as cost_per_new_customer,
        {{ safe_ratio('retention_cost_amount', 'opening_customer_count') }} as cost_per_kept_customer,
        {{ safe_ratio('won_amount', 'customer_count') }} as revenue_per_customer
    from measured

)

select
    period_grain,
    period_start,
    is_complete_period,
    'all' as dimension,
    'all' as dimension_key,
    'all' as dimension_value,
    attraction_cost_amount,
    lead_count,
    attraction_cost_per_lead,
    new_customer_count,
    acquisition_cost_per_customer,
    sales_cost_amount,
    cost_per_new_customer,
    retention_cost_amount,
    opening_customer_count,
    cost_per_kept_customer,
    acquisition_cost_per_customer + cost_per_new_customer + cost_per_kept_customer as total_cost_per_customer,
    case
        when unconverted_count > 0 then 'no_exchange_rate'
        when coalesce(attraction_cost_amount, sales_cost_amount, retention_cost_amount) is null then 'no_costs'
        when attraction_cost_amount is null then 'no_attraction_costs'
        when sales_cost_amount is null then 'no_sales_costs'
        when retention_cost_amount is null then 'no_retention_costs'
        when new_customer_count = 0 then 'no_new_customers'
        when opening_customer_count = 0 then 'no_customers_to_keep'
    end as cost_missing_reason,
    cast(won_amount as decimal(18, 2)) as won_amount,
    unconverted_won_count,
    customer_count,
    revenue_per_customer,
    revenue_per_customer - (acquisition_cost_per_customer + cost_per_new_customer + cost_per_kept_customer) as profit_per_customer,
    '{{ var("currency") }}' as currency_code,
    'booked' as amount_basis
from per_head
