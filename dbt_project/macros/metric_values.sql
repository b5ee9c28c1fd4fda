{# What the guards of mart_metrics__values share. A guard asks the marts for its metrics anew and lists in `in_marts`: metric, period_grain, period_start,
   dimension, dimension_key, told, numerator, denominator, is_amount. #}

{# The figure of a metric from the columns behind it: the expression given, else numerator over denominator, else the numerator. #}
{% macro figure_of(value, numerator, denominator) -%}
    cast({% if value %}{{ value }}{% elif denominator != 'null' %}cast({{ numerator }} as double) / nullif({{ denominator }}, 0){% else %}{{ numerator }}{% endif %} as double) as told,
    cast({{ numerator }} as double) as numerator, cast({{ denominator }} as double) as denominator
{%- endmacro %}

{# The rows of mart_metrics__values that say otherwise than `in_marts`, or stand in one of the two alone; of the metrics that are named. #}
{% macro told_otherwise(metrics, values, labels, periods, sources, likely_cause) -%}
named as (

    select in_marts.*, coalesce(labels.dimension_value, in_marts.dimension_key) as dimension_value, ends.is_complete_period
    from in_marts
    left join {{ labels }} as labels on labels.dimension = in_marts.dimension and labels.dimension_key = in_marts.dimension_key
    -- the grain of all time serves other marts; a metric over time has none
    inner join (select distinct period_grain, period_start, is_complete_period from {{ periods }} where period_grain <> 'all') as ends
        on ends.period_grain = in_marts.period_grain and ends.period_start = in_marts.period_start

),

metrics as (

    select * from {{ values }} where metric in ('{{ metrics | join("', '") }}')

)

select
    coalesce(named.metric, metrics.metric) as metric, coalesce(named.period_grain, metrics.period_grain) as period_grain,
    coalesce(named.period_start, metrics.period_start) as period_start, coalesce(named.dimension_value, metrics.dimension_value) as dimension_value,
    named.told, metrics."value", named.numerator as numerator_told, metrics.numerator, named.denominator as denominator_told, metrics.denominator,
    '{{ likely_cause }}' as likely_cause
from named
full join metrics
    on metrics.metric = named.metric and metrics.period_grain = named.period_grain and metrics.period_start = named.period_start
    and metrics.dimension = named.dimension and metrics.dimension_value = named.dimension_value
where
    named.metric is null
    or metrics.metric is null
    or (named.told is null) <> (metrics."value" is null)
    or abs(named.told - metrics."value") > 1e-9 * greatest(1, abs(named.told))
    or named.numerator is distinct from metrics.numerator
    or named.denominator is distinct from metrics.denominator
    or named.is_complete_period <> metrics.is_complete_period
    or (metrics.currency_code is not distinct from '{{ var("currency") }}') <> named.is_amount
    or (metrics.amount_basis is not distinct from 'booked') <> named.is_amount
    or metrics.data_through <> (select max(warehouse_data_through) from {{ sources }})
    or metrics.run_id <> (select max(run_id) from {{ sources }})
{%- endmacro %}
