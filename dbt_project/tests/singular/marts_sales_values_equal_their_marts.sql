-- What mart_metrics__values says of velocity, coverage, win-backs, touches, flows, cohorts, the funnel, capacity and the waterfall is what their own marts say,
-- figured anew: nothing here reads mart_metrics__sales_values, which feeds it.
{#- mart, metric, its value where that is no quotient, numerator, denominator, about money, the rows of the mart -#}
{%- set listed = [
    ('velocity', 'velocity', 'open_count * (won_count / nullif(closed_count, 0)) * (won_amount / nullif(converted_won_count, 0)) / nullif(total_days / nullif(won_count, 0), 0)',
        'null', 'null', true, 'true'),
    ('coverage', 'coverage', none, 'expected_amount', 'quota_amount', true, 'true'),
    ('coverage', 'coverage_to_win', none, 'expected_amount', 'quota_to_win_amount', true, 'true'),
    ('win_probability', 'win_probability_90_days', 'win_probability', 'null', 'deal_count', false, 'day_number = 90'),
    ('win_backs', 'win_back_rate', none, 'reopened_count + new_deal_count', 'lost_count', false, 'true'),
    ('win_backs', 'won_back_amount', none, 'won_back_amount', 'null', true, 'true'),
    ('win_backs', 'win_back_days', none, 'total_days_to_return', 'came_back_count', false, 'true'),
    ('touches', 'closed_without_presentation_rate', none, 'without_presentation_count', 'won_count', false, "touch_kind = 'any'"),
    ('touches', 'automated_activity_rate', none, 'automated_count', 'activity_count', false, "touch_kind = 'any' and activity_count is not null"),
] %}
{#- metric: mart, column, about money, and the members its rows belong to -#}
{%- set pipelines = {'all': "'all'", 'pipeline': 'cast(pipeline_key as varchar)'} %}
{%- set sums = {'cohort_deals': ('cohort_partition', 'deal_count', false, pipelines)} %}
{%- set flows = {
    'stage_visits_forward': 'forward_count', 'stage_visits_skipped_forward': 'skipped_forward_count', 'stage_visits_back': 'back_count',
    'stage_visits_won': 'won_count', 'stage_visits_lost': 'lost_count', 'stage_visits_moved_pipeline': 'moved_pipeline_count',
    'stage_visits_removed': 'deleted_merged_count', 'stage_visits_still_in': 'still_in_count',
} %}
{%- set movements = ['opening', 'created', 'reopened', 'restored', 'moved_in', 'moved_out', 'won', 'lost', 'deleted', 'merged', 'closing', 'pulled_in', 'pushed_out'] %}
{%- set buckets = {} %}
{%- for bucket in movements %}{% do buckets.update({'waterfall_' ~ bucket ~ '_deals': bucket ~ '_count'}) %}{% endfor %}
{%- for bucket in movements + ['increased', 'decreased', 'exchange_rate'] %}{% do buckets.update({'waterfall_' ~ bucket ~ '_amount': bucket ~ '_amount'}) %}{% endfor %}
{%- set names = listed | map(attribute=1) | list + sums | list + flows | list + buckets | list
    + ['mid_funnel_entries', 'stage_conversion_milestone', 'stage_touched_created', 'funnel_reach_rate', 'funnel_step_rate', 'capacity_used_rate',
        'meeting_capacity_used_rate'] %}
with in_marts as (

    {% for mart, metric, value, numerator, denominator, is_amount, condition in listed -%}
    select '{{ metric }}' as metric, period_grain, period_start, dimension, dimension_key, {{ figure_of(value, numerator, denominator) }}, {{ is_amount }} as is_amount
    from {{ ref('mart_sales__' ~ mart) }}
    where {{ condition }}
    union all
    {% endfor -%}
    {% for metric, (mart, measure, is_amount, members) in sums.items() -%}
    {% for dimension, key in members.items() -%}
    select '{{ metric }}', period_grain, period_start, '{{ dimension }}', {{ key }}, {{ figure_of(none, 'sum(' ~ measure ~ ')', 'null') }}, {{ is_amount }}
    from {{ ref('mart_sales__' ~ mart) }}
    group by period_grain, period_start, {{ key }}
    union all
    {% endfor %}
    {%- endfor -%}
    -- of the deals themselves: the funnel's cohorts are grouped by their furthest step
    {% for dimension, key in {'all': "'all'", 'pipeline': 'cast(deals.created_pipeline_key as varchar)'}.items() -%}
    select 'mid_funnel_entries', periods.period_grain, periods.period_start, '{{ dimension }}', {{ key }},
        {{ figure_of(none, 'count(case when deals.is_mid_funnel_entry or deals.is_created_closed then 1 end)', 'null') }}, false
    from {{ ref('mart_sales__deal_outcomes') }} as deals
    inner join {{ ref('mart_metrics__periods') }} as periods on periods.calendar_date = deals.created_date
    group by periods.period_grain, periods.period_start, {{ key }}
    union all
    {% endfor -%}
    {% for metric, measure in flows.items() -%}
    select '{{ metric }}', period_grain, period_start, 'stage', cast(stage_key as varchar), {{ figure_of(none, measure, 'null') }}, false
    from {{ ref('mart_sales__visit_flow') }}
    union all
    {% endfor -%}
    select 'stage_conversion_milestone', period_grain, period_start, 'stage', cast(stage_key as varchar), {{ figure_of(none, 'forward_count', 'left_count') }}, false
    from {{ ref('mart_sales__stage_conversion_by_period') }}
    union all
    select 'stage_touched_created', period_grain, period_start, 'stage', cast(stage_key as varchar), {{ figure_of(none, 'converted_count', 'cohort_count') }}, false
    from {{ ref('mart_sales__stage_conversion_by_cohort') }}
    where counting = 'touched'
    union all
    {% for metric, denominator in {'funnel_reach_rate': 'cohort_count', 'funnel_step_rate': 'previous_count'}.items() -%}
    select '{{ metric }}', period_grain, period_start, 'funnel_step', step_name, {{ figure_of(none, 'reached_count', denominator) }}, false
    from {{ ref('mart_sales__funnel') }}
    where dimension_key = 'all' and is_measured and step_name <> 'unmapped'
    union all
    {% endfor -%}
    {% for metric, (used, room) in {'capacity_used_rate': ('active_deal_count', 'active_deal_capacity'), 'meeting_capacity_used_rate': ('meeting_count', 'meeting_capacity')}.items() -%}
    select '{{ metric }}', 'week', week_start, 'owner', cast(owner_key as varchar), {{ figure_of(none, used, room) }}, false
    from {{ ref('mart_sales__capacity') }}
    union all
    {% endfor -%}
    {% for metric, measure in buckets.items() -%}
    select '{{ metric }}', period_grain, period_start, dimension, dimension_key, {{ figure_of(none, measure, 'null') }}, {{ metric.endswith('amount') }}
    from {{ ref('mart_sales__pipeline_waterfall') }}
    where waterfall_form = '{{ 'closing_in_period' if measure.startswith(('pulled_in', 'pushed_out')) else 'all_open' }}' and not (period_grain = 'day' and dimension = 'owner')
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

{{ told_otherwise(names, ref('mart_metrics__values'), ref('mart_metrics__dimension_values'), ref('mart_metrics__periods'), ref('dim_sources'),
    likely_cause='mart_metrics__sales_values takes another column, other rows, or leaves the metric out.') }}
