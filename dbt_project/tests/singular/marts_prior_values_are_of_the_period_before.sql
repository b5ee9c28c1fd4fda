-- The prior value of a metric is its value in the period just before, and none where that period has none.
with metrics as (

    select * from {{ ref('mart_metrics__values') }}

),

earlier_periods as (

    select distinct period_grain, period_start, cast(date_trunc(period_grain, period_start - 1) as date) as period_before
    from {{ ref('mart_metrics__periods') }}
    where period_grain <> 'all'

)

select
    metrics.metric, metrics.period_grain, metrics.period_start, metrics.dimension, metrics.dimension_value, metrics.prior_value, earlier."value",
    'The value before was taken from another period, dimension or metric: look at prior_value in mart_metrics__values.' as likely_cause
from metrics
inner join earlier_periods on earlier_periods.period_grain = metrics.period_grain and earlier_periods.period_start = metrics.period_start
left join metrics as earlier
    on earlier.metric = metrics.metric and earlier.period_grain = metrics.period_grain and earlier.dimension = metrics.dimension
    and earlier.dimension_value = metrics.dimension_value and earlier.period_start = earlier_periods.period_before
where metrics.prior_value is distinct from earlier."value"
