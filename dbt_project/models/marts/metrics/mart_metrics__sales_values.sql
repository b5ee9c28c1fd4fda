{{ config(materialized='ephemeral', contract={'enforced': false}) }}
{#- mart, metric, value, numerator, denominator, is_amount: the value is about money; a last one says which rows of the mart. -#}
{%- set metrics = [
    ('mart_sales__velocity', 'velocity', 'velocity_amount', 'null', 'null', true),
    ('mart_sales__coverage', 'coverage', 'coverage_ratio', 'expected_amount', 'quota_amount', true),
    ('mart_sales__coverage', 'coverage_to_win', 'coverage_to_win_ratio', 'expected_amount', 'quota_to_win_amount', true),
    ('mart_sales__win_probability', 'win_probability_90_days', 'win_probability', 'null', 'deal_count', false, "day_number = 90 and period_grain <> 'all'"),
    ('mart_sales__win_backs', 'win_back_rate', 'win_back_rate', 'came_back_count', 'lost_count', false),
    ('mart_sales__win_backs', 'won_back_amount', 'won_back_amount', 'won_back_amount', 'null', true),
    ('mart_sales__win_backs', 'win_back_days', 'mean_days_to_return', 'total_days_to_return', 'came_back_count', false),
    ('mart_sales__touches', 'closed_without_presentation_rate', 'without_presentation_rate', 'without_presentation_count', 'won_count', false, "touch_kind = 'any'"),
    ('mart_sales__touches', 'automated_activity_rate', 'automated_rate', 'automated_count', 'activity_count', false, "touch_kind = 'any' and dimension = 'all'"),
] -%}
{%- set stage_metrics = [
    ('mart_sales__stage_conversion_by_period', 'stage_conversion_milestone', 'conversion_rate', 'forward_count', 'left_count', 'true'),
    ('mart_sales__stage_conversion_by_cohort', 'stage_touched_created', 'conversion_rate', 'converted_count', 'cohort_count', "counting = 'touched'"),
] -%}
{%- set flows = {'forward': 'forward', 'skipped_forward': 'skipped_forward', 'back': 'back', 'won': 'won', 'lost': 'lost', 'moved_pipeline': 'moved_pipeline',
    'removed': 'deleted_merged', 'still_in': 'still_in'} -%}
{%- set sums = [
    ('mart_sales__cohort_partition', 'cohort_deals', 'deal_count', false, {'all': "'all'", 'pipeline': 'cast(pipeline_key as varchar)'}),
] -%}
{%- set buckets = ['opening', 'created', 'reopened', 'restored', 'moved_in', 'moved_out', 'won', 'lost', 'deleted', 'merged', 'closing'] -%}
{#- an owner's waterfall of a day stands in its mart alone: as figures one by one it would be half of all rows -#}
{%- set of_the_waterfall = "not (period_grain = 'day' and dimension = 'owner')" -%}
{% for metric in metrics -%}
select '{{ metric[1] }}' as metric, period_grain, period_start, dimension, dimension_key,
    cast({{ metric[2] }} as double) as metric_value, cast({{ metric[3] }} as double) as numerator,
    cast({{ metric[4] }} as double) as denominator, {{ metric[5] }} as is_amount
from {{ ref(metric[0]) }}
{% if metric | length > 6 %}where {{ metric[6] }}{% endif %}
union all
{% endfor -%}
{% for mart, metric, value, numerator, denominator, condition in stage_metrics -%}
select '{{ metric }}', period_grain, period_start, 'stage', cast(stage_key as varchar),
    {{ value }}, cast({{ numerator }} as double), cast({{ denominator }} as double), false
from {{ ref(mart) }}
where {{ condition }}
union all
{% endfor -%}
{% for metric, flow in flows.items() -%}
select 'stage_visits_{{ metric }}', period_grain, period_start, 'stage', cast(stage_key as varchar),
    cast({{ flow }}_count as double), cast({{ flow }}_count as double), null, false
from {{ ref('mart_sales__visit_flow') }}
union all
{% endfor -%}
{% for mart, metric, value, is_amount, dimensions in sums -%}
{% for dimension, key in dimensions.items() -%}
select '{{ metric }}', period_grain, period_start, '{{ dimension }}', {{ key }},
    cast(sum({{ value }}) as double), cast(sum({{ value }}) as double), null, {{ is_amount }}
from {{ ref(mart) }}
group by period_grain, period_start, {{ key }}
union all
{% endfor -%}
{% endfor -%}
select 'mid_funnel_entries', period_grain, period_start, dimension, dimension_key,
    cast(sum(mid_funnel_entry_count) as double), cast(sum(mid_funnel_entry_count) as double), null, false
from {{ ref('mart_sales__funnel_cohorts') }}
group by period_grain, period_start, dimension, dimension_key
union all
{% for metric, value, denominator in [('funnel_reach_rate', 'cohort_rate', 'cohort_count'), ('funnel_step_rate', 'step_rate', 'previous_count')] -%}
-- of the company as a whole: a step stands in several pipelines
select '{{ metric }}', period_grain, period_start, 'funnel_step', step_name, {{ value }}, cast(reached_count as double), cast({{ denominator }} as double), false
from {{ ref('mart_sales__funnel') }}
where dimension = 'all' and is_measured and step_kind <> 'unmapped'
union all
{% endfor -%}
{% for metric, rate, used, capacity in [('capacity_used_rate', 'active_deal_rate', 'active_deal_count', 'active_deal_capacity'),
    ('meeting_capacity_used_rate', 'meeting_rate', 'meeting_count', 'meeting_capacity')] -%}
select '{{ metric }}', 'week', week_start, 'owner', cast(owner_key as varchar), {{ rate }}, cast({{ used }} as double), cast({{ capacity }} as double), false
from {{ ref('mart_sales__capacity') }}
union all
{% endfor -%}
{% for bucket in buckets -%}
{% for unit, column, is_amount in [('deals', 'count', false), ('amount', 'amount', true)] -%}
select 'waterfall_{{ bucket }}_{{ unit }}', period_grain, period_start, dimension, dimension_key,
    cast({{ bucket }}_{{ column }} as double), cast({{ bucket }}_{{ column }} as double), null, {{ is_amount }}
from {{ ref('mart_sales__pipeline_waterfall') }}
where waterfall_form = 'all_open' and {{ of_the_waterfall }}
union all
{% endfor -%}
{% endfor -%}
{% for bucket in ['increased', 'decreased', 'exchange_rate'] -%}
select 'waterfall_{{ bucket }}_amount', period_grain, period_start, dimension, dimension_key,
    cast({{ bucket }}_amount as double), cast({{ bucket }}_amount as double), null, true
from {{ ref('mart_sales__pipeline_waterfall') }}
where waterfall_form = 'all_open' and {{ of_the_waterfall }}
union all
{% endfor -%}
{% for bucket in ['pulled_in', 'pushed_out'] -%}
{% for unit, column, is_amount in [('deals', 'count', false), ('amount', 'amount', true)] -%}
select 'waterfall_{{ bucket }}_{{ unit }}', period_grain, period_start, dimension, dimension_key,
    cast({{ bucket }}_{{ column }} as double), cast({{ bucket }}_{{ column }} as double), null, {{ is_amount }}
from {{ ref('mart_sales__pipeline_waterfall') }}
where waterfall_form = 'closing_in_period' and {{ of_the_waterfall }}
{% if not (bucket == 'pushed_out' and loop.last) %}union all{% endif %}
{% endfor -%}
{% endfor %}
