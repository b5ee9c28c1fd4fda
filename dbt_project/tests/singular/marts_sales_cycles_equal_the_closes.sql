-- Days from creation, and from the lead, to the close: every month, counted close by close.
with closes as (

    select closes.*, date_trunc('month', closes.closed_date) as period_start
    from {{ ref('mart_sales__closes') }} as closes
    where closes.close_group in ('won', 'lost') and not closes.is_removed
        and closes.closed_date <= (select {{ reporting_date('max(warehouse_data_through)') }} from {{ ref('dim_sources') }})

),

measured as (

    {% for scope, groups in [('won', "'won'"), ('won_lost', "'won', 'lost'")] -%}
    {% for measured_from, days in [('created', 'days_from_created'), ('lead_created', 'days_from_lead')] -%}
    {% for dimension, key in {
        'all': "'all'", 'pipeline': 'cast(pipeline_key as varchar)', 'owner': 'cast(owner_key as varchar)', 'team': 'team_name', 'channel': 'channel',
        'direction': 'lead_direction', 'product_line': 'product_line', 'company_size': 'company_size', 'country': 'country',
    }.items() -%}
    select period_start, '{{ dimension }}' as dimension, {{ key }} as dimension_key, '{{ scope }}' as outcome_scope, '{{ measured_from }}' as measured_from,
        {{ days }} as days
    from closes
    where close_group in ({{ groups }}) and {{ days }} is not null
    {{ 'union all' if not (scope == 'won_lost' and measured_from == 'lead_created' and dimension == 'country') }}
    {% endfor %}
    {%- endfor %}
    {%- endfor %}
),

counted as (

    select period_start, dimension, dimension_key, outcome_scope, measured_from,
        count(*) as deal_count, sum(days) as total_days, avg(days) as mean_days, median(days) as median_days, quantile_cont(days, 0.9) as p90_days
    from measured
    group by 1, 2, 3, 4, 5

)

select
    counted.*, cycles.deal_count as told_count, cycles.mean_days as told_mean, cycles.median_days as told_median, cycles.p90_days as told_p90,
    'A close was counted in another month or scope, or measured from another instant: look at mart_sales__sales_cycle.' as likely_cause
from counted
full join (select * from {{ ref('mart_sales__sales_cycle') }} where period_grain = 'month') as cycles
    on cycles.period_start = counted.period_start and cycles.dimension = counted.dimension and cycles.dimension_key = counted.dimension_key
    and cycles.outcome_scope = counted.outcome_scope and cycles.measured_from = counted.measured_from
where
    coalesce(counted.deal_count, 0) <> coalesce(cycles.deal_count, 0)
    or (counted.deal_count is null) <> (coalesce(cycles.deal_count, 0) = 0)
    or (counted.deal_count is not null
        and (cycles.total_days is null or cycles.mean_days is null or cycles.median_days is null or cycles.p90_days is null))
    or abs(counted.total_days - cycles.total_days) > 1e-4
    or abs(counted.mean_days - cycles.mean_days) > 1e-6
    or abs(counted.median_days - cycles.median_days) > 1e-6
    or abs(counted.p90_days - cycles.p90_days) > 1e-6
