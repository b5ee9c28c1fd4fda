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
