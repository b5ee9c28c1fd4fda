-- Total and profit are made of their parts, the costs of the months are the quarter's, and what is null says why.
with economics as (

    select * from {{ ref('mart_customers__unit_economics') }}

),

quarters as (

    select
        cast(date_trunc('quarter', period_start) as date) as period_start,
        {% for process in ['attraction', 'sales', 'retention'] -%}
        sum({{ process }}_cost_amount) as {{ process }}_cost_amount{{ ',' if not loop.last }}
        {% endfor %}
    from economics
    where period_grain = 'month'
    group by 1

)

select
    period_grain, period_start, total_cost_per_customer, profit_per_customer, cost_missing_reason,
    'A figure per customer is not the sum of its parts, or is missing without a reason.' as likely_cause
from economics
where abs(total_cost_per_customer - acquisition_cost_per_customer - cost_per_new_customer - cost_per_kept_customer) > 1e-6
    or abs(revenue_per_customer - total_cost_per_customer - profit_per_customer) > 1e-6
    or (total_cost_per_customer is null) <> (cost_missing_reason is not null)
    or new_customer_count > customer_count
    or opening_customer_count > customer_count
union all
select
    'quarter', economics.period_start, economics.attraction_cost_amount, quarters.attraction_cost_amount, null,
    'The costs of three months are not those of their quarter: a day of a cost is lost or doubled.'
from economics
inner join quarters on quarters.period_start = economics.period_start
where economics.period_grain = 'quarter'
    and (
        -- each month is rounded to cents
        abs(economics.attraction_cost_amount - quarters.attraction_cost_amount) > 0.03
        or abs(economics.sales_cost_amount - quarters.sales_cost_amount) > 0.03
        or abs(economics.retention_cost_amount - quarters.retention_cost_amount) > 0.03
    )

union all
-- the days that a cost and a period have in common, up to the as-of
select
    economics.period_grain, economics.period_start, economics.retention_cost_amount, counted.retention_cost_amount, null,
    'The costs of a process are not those of fct_process_costs by their days.'
from economics
inner join (
    select
        periods.period_grain, periods.period_start
        {%- for process in ['attraction', 'sales', 'retention'] %},
        sum(case when costs.process = '{{ process }}' then costs.booked_amount
            * (least(costs.period_end_date, periods.last_date) - greatest(costs.period_start_date, periods.period_start) + 1)
            / (costs.period_end_date - costs.period_start_date + 1) end) as {{ process }}_cost_amount
        {%- endfor %}
    from (
        select period_grain, period_start, min(calendar_date) as first_date, max(calendar_date) as last_date
        from {{ ref('mart_metrics__periods') }}
        group by 1, 2
    ) as periods
    inner join {{ ref('fct_process_costs') }} as costs
        on costs.period_start_date <= periods.last_date and costs.period_end_date >= periods.period_start
    -- the first period may begin before the calendar
    where periods.first_date = periods.period_start
    group by 1, 2
) as counted on counted.period_grain = economics.period_grain and counted.period_start = economics.period_start
where abs(economics.attraction_cost_amount - counted.attraction_cost_amount) > 0.02
    or abs(economics.sales_cost_amount - counted.sales_cost_amount) > 0.02
    or abs(economics.retention_cost_amount - counted.retention_cost_amount) > 0.02
