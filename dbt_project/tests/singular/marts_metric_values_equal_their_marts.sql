-- What mart_metrics__values says of wins, cycles, slippage, leakage, the open pipeline and the stages is what their own marts say, figured anew.
{#- metric, its value where that is no quotient, numerator, denominator, about money -#}
{%- set rates = [
    ('deals_created', none, 'created_count', 'null', false), ('deals_won', none, 'won_count', 'null', false), ('deals_lost', none, 'lost_count', 'null', false),
    ('won_amount', none, 'won_amount', 'null', true), ('win_rate', none, 'won_count', 'closed_count', false),
    ('value_win_rate', none, 'won_amount', 'closed_amount', true), ('broad_win_rate', none, 'won_count', 'broad_closed_count', false),
    ('effective_win_rate', none, 'won_count', 'effective_closed_count', false),
    ('created_win_rate', none, 'created_won_count', 'created_count', false), ('average_deal_size', none, 'won_amount', 'converted_won_count', true),
] %}
{%- set slippages = [
    ('slippage_rate', none, 'slipped_count', 'expected_count', false), ('not_won_rate', none, 'not_won_count', 'expected_count', false),
    ('slippage_amount_rate', none, 'slipped_amount', 'expected_amount', true), ('pushes', none, 'push_count', 'null', false),
] %}
{%- set cycles = {
    'sales_cycle_days': ('won', 'created'), 'sales_cycle_won_lost_days': ('won_lost', 'created'),
    'sales_cycle_from_lead_days': ('won', 'lead_created'), 'sales_cycle_won_lost_from_lead_days': ('won_lost', 'lead_created'),
} %}
{%- set leaks = {
    'leaked_deals': ('leaked_count', false), 'leaked_amount': ('last_amount', true), 'leaked_maximum_amount': ('maximum_amount', true),
    'dormant_deals': ('dormant_count', false),
} %}
{%- set open_ones = {'open_deals': ('open_count', false), 'open_amount': ('open_amount', true)} %}
{%- set names = (rates + slippages) | map(attribute=0) | list + leaks | list + open_ones | list
    + ['stage_conversion_stage_entry', 'stage_conversion_created', 'stage_visits'] %}
{%- for metric in cycles %}{% for suffix in ['', '_median', '_p90'] %}{% do names.append(metric ~ suffix) %}{% endfor %}{% endfor %}
with in_marts as (

    {% for mart, listed in [('mart_sales__win_rates', rates), ('mart_sales__slippage', slippages)] -%}
    {% for metric, value, numerator, denominator, is_amount in listed -%}
    select '{{ metric }}' as metric, period_grain, period_start, dimension, dimension_key, {{ figure_of(value, numerator, denominator) }}, {{ is_amount }} as is_amount
    from {{ ref(mart) }}
    union all
    {% endfor %}
    {%- endfor -%}
    {% for metric, (scope, measured_from) in cycles.items() -%}
    {% for suffix, value, numerator in [('', 'total_days / nullif(deal_count, 0)', 'total_days'), ('_median', 'median_days', 'null'), ('_p90', 'p90_days', 'null')] -%}
    select '{{ metric ~ suffix }}', period_grain, period_start, dimension, dimension_key, {{ figure_of(value, numerator, 'deal_count') }}, false
    from {{ ref('mart_sales__sales_cycle') }}
    where outcome_scope = '{{ scope }}' and measured_from = '{{ measured_from }}'
    union all
    {% endfor %}
    {%- endfor -%}
    {% for metric, (measure, is_amount) in leaks.items() -%}
    select '{{ metric }}', period_grain, period_start, dimension, dimension_key, {{ figure_of(none, measure, 'null') }}, {{ is_amount }}
    from {{ ref('mart_sales__leakage_splits') }}
    union all
    {% endfor -%}
    {% for metric, (measure, is_amount) in open_ones.items() -%}
    {% for dimension, key in {'all': "'all'", 'pipeline': 'cast(daily.pipeline_key as varchar)', 'owner': 'cast(daily.owner_key as varchar)',
        'team': "coalesce(sellers.team_name, 'unknown')"}.items() -%}
    select '{{ metric }}', periods.period_grain, periods.period_start, '{{ dimension }}', {{ key }}, {{ figure_of(none, 'sum(daily.' ~ measure ~ ')', 'null') }}, {{ is_amount }}
    from {{ ref('mart_sales__pipeline_daily') }} as daily
    left join {{ ref('dim_owners') }} as sellers on sellers.owner_key = daily.owner_key
    inner join {{ ref('mart_metrics__periods') }} as periods
        on periods.calendar_date = daily.calendar_date
        and (daily.calendar_date = periods.next_period_start - 1 or daily.calendar_date = periods.as_of_date)
    group by periods.period_grain, periods.period_start, {{ key }}
    union all
    {% endfor %}
    {%- endfor -%}
    select 'stage_conversion_' || cohort_kind, period_grain, period_start, 'stage', cast(stage_key as varchar),
        {{ figure_of(none, 'converted_count', 'cohort_count') }}, false
    from {{ ref('mart_sales__stage_conversion_by_cohort') }}
    where stage_key is not null and counting <> 'touched'
    union all
    select 'stage_visits', period_grain, period_start, 'stage', cast(stage_key as varchar), {{ figure_of(none, 'entered_count', 'null') }}, false
    from {{ ref('mart_sales__visit_flow') }}

),

{{ told_otherwise(names, ref('mart_metrics__values'), ref('mart_metrics__dimension_values'), ref('mart_metrics__periods'), ref('dim_sources'),
    likely_cause='mart_metrics__values tells this metric otherwise than the mart it comes from, or lacks it.') }}
