with periods as (

    select distinct period_grain, period_start from {{ ref('mart_metrics__periods') }} where period_grain <> 'all'

),

declared as (

    select
        targets.metric, periods.period_grain, periods.period_start,
        coalesce(targets.dimension, 'all') as dimension, coalesce(targets.dimension_value, 'all') as dimension_value,
        max(targets.target) as target, 'declared' as target_source, cast(null as varchar) as target_missing_reason
    from {{ ref('targets') }} as targets
    inner join periods
        on periods.period_grain = targets.period_grain
        and periods.period_start >= coalesce(targets.first_period_start, periods.period_start)
        and periods.period_start <= coalesce(targets.last_period_start, periods.period_start)
    group by 1, 2, 3, 4, 5

),

-- what is to be won; a quota that no rate converts is no target of zero
quotas as (

    select
        'won_amount' as metric, period_grain, period_start, dimension, dimension_value,
        cast(quota_amount as double) as target, 'quota' as target_source, missing_reason
    from {{ ref('mart_sales__coverage') }}
    where quota_amount is not null or missing_reason = 'no_exchange_rate'

)

select
    coalesce(declared.metric, quotas.metric) as metric,
    coalesce(declared.period_grain, quotas.period_grain) as period_grain,
    coalesce(declared.period_start, quotas.period_start) as period_start,
    coalesce(declared.dimension, quotas.dimension) as dimension,
    coalesce(declared.dimension_value, quotas.dimension_value) as dimension_value,
    case when declared.metric is not null then declared.target else quotas.target end as target,
    coalesce(declared.target_source, quotas.target_source) as target_source,
    case when declared.metric is null and quotas.target is null then 'no_exchange_rate' end as target_missing_reason
from declared
full join quotas
    on quotas.metric = declared.metric and quotas.period_grain = declared.period_grain and quotas.period_start = declared.period_start
    and quotas.dimension = declared.dimension and quotas.dimension_value = declared.dimension_value
