-- A metric's target is the declared one, else of what was won the quota of the period; where there is none it is null and says why, never zero.
with quotas as (

    select
        'won_amount' as metric, coverage.period_grain, coverage.period_start, coverage.dimension, labels.dimension_value, coverage.quota_amount,
        coverage.unconverted_quota
    from (
        select
            period_grain, period_start, dimension, dimension_key, quota_amount, coalesce(missing_reason, '') = 'no_exchange_rate' as unconverted_quota
        from {{ ref('mart_sales__coverage') }}
    ) as coverage
    inner join {{ ref('mart_metrics__dimension_values') }} as labels
        on labels.dimension = coverage.dimension and labels.dimension_key = coverage.dimension_key

),

declared as (

    select metrics.metric, metrics.period_grain, metrics.period_start, metrics.dimension, metrics.dimension_value, max(targets.target) as target
    from {{ ref('mart_metrics__values') }} as metrics
    inner join {{ ref('targets') }} as targets
        on targets.metric = metrics.metric and targets.period_grain = metrics.period_grain
        and coalesce(targets.dimension, 'all') = metrics.dimension and coalesce(targets.dimension_value, 'all') = metrics.dimension_value
    where metrics.period_start between coalesce(targets.first_period_start, metrics.period_start) and coalesce(targets.last_period_start, metrics.period_start)
    group by 1, 2, 3, 4, 5

)

select
    metrics.metric, metrics.period_grain, metrics.period_start, metrics.dimension, metrics.dimension_value, metrics.target, metrics.target_missing_reason,
    declared.target as declared_target, quotas.quota_amount,
    'A target was lost on its way, taken from another period or member, or is missing without a reason: look at mart_metrics__targets.' as likely_cause
from {{ ref('mart_metrics__values') }} as metrics
left join quotas
    on quotas.metric = metrics.metric and quotas.period_grain = metrics.period_grain and quotas.period_start = metrics.period_start
    and quotas.dimension = metrics.dimension and quotas.dimension_value = metrics.dimension_value
left join declared
    on declared.metric = metrics.metric and declared.period_grain = metrics.period_grain and declared.period_start = metrics.period_start
    and declared.dimension = metrics.dimension and declared.dimension_value = metrics.dimension_value
where metrics.target is distinct from coalesce(declared.target, cast(quotas.quota_amount as double))
    or (metrics.target is null) <> (metrics.target_missing_reason is not null)
    or (metrics.target is null and coalesce(quotas.unconverted_quota, false)) <> (coalesce(metrics.target_missing_reason, '') = 'no_exchange_rate')
