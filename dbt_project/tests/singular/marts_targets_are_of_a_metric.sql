{{ config(severity='warn') }}
-- A declared target stands beside a figure: its metric, dimension and member are words that mart_metrics__values knows, and no period has two.
with known as (

    select distinct metric, dimension, dimension_value from {{ ref('mart_metrics__values') }}

)

select
    targets.metric, targets.dimension, targets.dimension_value, targets.target,
    'A row of the seed targets names a metric, a dimension or a member that mart_metrics__values does not know.' as likely_cause
from {{ ref('targets') }} as targets
left join known
    on known.metric = targets.metric and known.dimension = coalesce(targets.dimension, 'all')
    and known.dimension_value = coalesce(targets.dimension_value, 'all')
where known.metric is null or targets.target is null

union all

select one.metric, one.dimension, one.dimension_value, one.target, 'Two rows of the seed targets declare different targets of one period: the higher counts.'
from {{ ref('targets') }} as one
inner join {{ ref('targets') }} as other
    on other.metric = one.metric and other.period_grain = one.period_grain
    and coalesce(other.dimension, 'all') = coalesce(one.dimension, 'all')
    and coalesce(other.dimension_value, 'all') = coalesce(one.dimension_value, 'all')
    and coalesce(other.first_period_start, date '0001-01-01') <= coalesce(one.last_period_start, date '9999-12-31')
    and coalesce(one.first_period_start, date '0001-01-01') <= coalesce(other.last_period_start, date '9999-12-31')
where other.target < one.target
