-- Every metric in the form for BI tools is what its own mart says, with the mart's numerator and denominator.
{%- set rates = [
    ('deals_created', 'created_count', 'created_count', 'null', 'false'), ('deals_won', 'won_count', 'won_count', 'null', 'false'),
    ('deals_lost', 'lost_count', 'lost_count', 'null', 'false'), ('won_amount', 'won_amount', 'won_amount', 'null', 'true'),
    ('win_rate', 'win_rate', 'won_count', 'closed_count', 'false'), ('value_win_rate', 'value_win_rate', 'won_amount', 'closed_amount', 'true'),
    ('broad_win_rate', 'broad_win_rate', 'won_count', 'broad_closed_count', 'false'),
    ('created_win_rate', 'created_win_rate', 'created_won_count', 'created_count', 'false'),
    ('average_deal_size', 'won_amount_per_deal', 'won_amount', 'converted_won_count', 'true'),
] %}
{%- set slippages = [
    ('slippage_rate', 'slippage_rate', 'slipped_count', 'expected_count', 'false'),
    ('not_won_rate', 'not_won_rate', 'not_won_count', 'expected_count', 'false'),
    ('slippage_amount_rate', 'slippage_amount_rate', 'slipped_amount', 'expected_amount', 'true'), ('pushes', 'push_count', 'push_count', 'null', 'false'),
] %}
{%- set cycles = [
    ('sales_cycle_days', 'won', 'created'), ('sales_cycle_won_lost_days', 'won_lost', 'created'),
    ('sales_cycle_from_lead_days', 'won', 'lead_created'), ('sales_cycle_won_lost_from_lead_days', 'won_lost', 'lead_created'),
] %}
{%- set others = [
    ('mart_marketing__lead_funnel', 'leads_created', 'lead_count', 'lead_count', 'null', 'false', "true"),
    ('mart_marketing__lead_funnel', 'lead_to_customer_rate', 'lead_to_customer_rate', 'customer_count', 'lead_count', 'false', "true"),
    ('mart_marketing__lead_quality', 'lead_quality_rate', 'fitting_rate', 'fitting_count', 'lead_count', 'false', "true"),
    ('mart_marketing__hand_offs', 'hand_off_acceptance_rate', 'accepted_rate', 'accepted_count', 'offered_count', 'false', "true"),
    ('mart_marketing__hand_offs', 'hand_off_rejection_rate', 'rejected_rate', 'rejected_count', 'offered_count', 'false', "true"),
    ('mart_marketing__hand_offs', 'hand_off_recycled_rate', 'recycled_rate', 'recycled_count', 'offered_count', 'false', "true"),
    ('mart_marketing__hand_offs', 'hand_off_hours', 'mean_hours_to_touch', 'total_hours_to_touch', 'touched_count', 'false', "true"),
    ('mart_marketing__hand_offs', 'hand_off_hours_median', 'median_hours_to_touch', 'null', 'touched_count', 'false', "true"),
    ('mart_marketing__hand_offs', 'hand_off_on_time_rate', 'on_time_rate', 'on_time_count', 'offered_count', 'false', "true"),
    ('mart_marketing__lead_filter', 'leads_cut', 'cut_count', 'cut_count', 'null', 'false', "true"),
    ('mart_marketing__lead_filter', 'wrong_cut_rate', 'wrong_cut_rate', 'wrong_cut_count', 'cut_count', 'false', "true"),
    ('mart_marketing__lead_filter', 'wrong_cut_amount', 'wrong_cut_amount', 'wrong_cut_amount', 'null', 'true', "true"),
    ('mart_marketing__responses', 'unanswered_request_rate', 'unanswered_rate', 'unanswered_count', 'attempted_count', 'false', "response_kind = 'first_request'"),
    ('mart_marketing__responses', 'response_rate', 'response_rate', 'answered_count', 'attempted_count', 'false', "response_kind = 'contact_attempt'"),
    ('mart_marketing__cost_per_lead', 'cost_per_lead', 'cost_per_lead', 'spend_amount', 'lead_count', 'true', "true"),
    ('mart_marketing__cost_per_lead', 'lagged_cost_per_lead', 'lagged_cost_per_lead', 'lagged_spend_amount', 'lead_count', 'true', "period_grain = 'month'"),
    ('mart_marketing__romi', 'romi', 'romi', 'gain_amount', 'spend_amount', 'true', "true"),
    ('mart_marketing__romi', 'incremental_romi', 'incremental_romi', 'revenue_change_amount', 'spend_change_amount', 'true', "true"),
    ('mart_marketing__consent', 'consent_rate', 'consent_rate', 'consented_count', 'contact_count', 'false', "true"),
    ('mart_marketing__follow_ups', 'follow_up_rate', 'follow_up_rate', 'followed_up_count', 'presentation_count', 'false', "true"),
    ('mart_customers__retention', 'customers', 'customer_count', 'customer_count', 'null', 'false', "true"),
    ('mart_customers__retention', 'churn_rate', 'churn_rate', 'lost_count', 'opening_count', 'false', "true"),
    ('mart_customers__repeat_purchases', 'repeat_purchase_rate', 'repeat_rate', 'repeat_count', 'customer_count', 'false', "true"),
    ('mart_customers__repeat_purchases', 'referrals_made', 'referral_count', 'referral_count', 'null', 'false', "true"),
    ('mart_customers__value_delivered', 'paid_rate', 'paid_rate', 'paid_count', 'won_count', 'false', "true"),
    ('mart_customers__value_delivered', 'part_paid_rate', 'part_paid_rate', 'part_paid_count', 'won_count', 'false', "true"),
    ('mart_customers__value_delivered', 'unpaid_rate', 'unpaid_rate', 'unpaid_count', 'won_count', 'false', "true"),
    ('mart_customers__value_delivered', 'value_delivered_rate', 'value_delivered_rate', 'achieved_amount', 'promised_amount', 'true', "true"),
    ('mart_customers__value_delivered', 'discount_rate', 'discount_rate', 'discount_amount', 'won_amount', 'true', "true"),
    ('mart_customers__expansions', 'upsell_rate', 'upsell_rate', 'upsell_count', 'customer_deal_count', 'false', "true"),
    ('mart_customers__expansions', 'upsell_amount', 'upsell_amount', 'upsell_amount', 'null', 'true', "true"),
    ('mart_customers__expansions', 'cross_sell_rate', 'cross_sell_rate', 'cross_sell_count', 'customer_deal_count', 'false', "true"),
    ('mart_customers__expansions', 'cross_sell_amount', 'cross_sell_amount', 'cross_sell_amount', 'null', 'true', "true"),
    ('mart_customers__unit_economics', 'attraction_cost_per_lead', 'attraction_cost_per_lead', 'attraction_cost_amount', 'lead_count', 'true', "true"),
    ('mart_customers__unit_economics', 'cost_per_new_customer', 'cost_per_new_customer', 'sales_cost_amount', 'new_customer_count', 'true', "true"),
    ('mart_customers__unit_economics', 'cost_per_kept_customer', 'cost_per_kept_customer', 'retention_cost_amount', 'opening_customer_count', 'true', "true"),
    ('mart_customers__unit_economics', 'total_cost_per_customer', 'total_cost_per_customer', 'null', 'null', 'true', "true"),
    ('mart_customers__unit_economics', 'revenue_per_customer', 'revenue_per_customer', 'won_amount', 'customer_count', 'true', "true"),
    ('mart_customers__unit_economics', 'profit_per_customer', 'profit_per_customer', 'null', 'null', 'true', "true"),
] %}
with in_marts as (

    {% for metric, value, numerator, denominator, is_amount in rates -%}
    select '{{ metric }}' as metric, period_grain, period_start, dimension, dimension_key, is_complete_period, cast({{ value }} as double) as told,
        cast({{ numerator }} as double) as numerator, cast({{ denominator }} as double) as denominator, {{ is_amount }} as is_amount
    from {{ ref('mart_sales__win_rates') }}
    union all
    {% endfor %}
    {% for metric, value, numerator, denominator, is_amount in slippages -%}
    select '{{ metric }}', period_grain, period_start, dimension, dimension_key, is_complete_period, cast({{ value }} as double),
        cast({{ numerator }} as double), cast({{ denominator }} as double), {{ is_amount }}
    from {{ ref('mart_sales__slippage') }}
    union all
    {% endfor %}
    {%- for metric, scope, measured_from in cycles -%}
    {% for suffix, value, numerator in [('', 'mean_days', 'total_days'), ('_median', 'median_days', 'null'), ('_p90', 'p90_days', 'null')] -%}
    select '{{ metric ~ suffix }}', period_grain, period_start, dimension, dimension_key, is_complete_period, {{ value }},
        cast({{ numerator }} as double), cast(deal_count as double), false
    from {{ ref('mart_sales__sales_cycle') }}
    where outcome_scope = '{{ scope }}' and measured_from = '{{ measured_from }}'
    union all
    {% endfor %}
    {%- endfor -%}
    {% for dimension, key in [('all', "'all'"), ('pipeline', 'cast(pipeline_key as varchar)'), ('channel', 'channel')] -%}
    {% for metric, value, is_amount in [('leaked_deals', 'leaked_count', 'false'), ('leaked_amount', 'last_amount', 'true')] -%}
    select '{{ metric }}', period_grain, period_start, '{{ dimension }}', {{ key }}, bool_and(is_complete_period), cast(sum({{ value }}) as double),
        cast(sum({{ value }}) as double), null, {{ is_amount }}
    from {{ ref('mart_sales__leakage') }}
    group by period_grain, period_start, {{ key }}
    union all
    {% endfor %}
    {%- endfor -%}
    {% for dimension, key in [('all', "'all'"), ('pipeline', 'cast(daily.pipeline_key as varchar)'), ('owner', 'cast(daily.owner_key as varchar)')] -%}
    {% for metric, value, is_amount in [('open_deals', 'open_count', 'false'), ('open_amount', 'open_amount', 'true')] -%}
    select '{{ metric }}', periods.period_grain, periods.period_start, '{{ dimension }}', {{ key }}, bool_and(periods.is_complete_period),
        cast(sum(daily.{{ value }}) as double), cast(sum(daily.{{ value }}) as double), null, {{ is_amount }}
    from {{ ref('mart_sales__pipeline_daily') }} as daily
    inner join {{ ref('mart_metrics__periods') }} as periods
        on periods.calendar_date = daily.calendar_date
        and (daily.calendar_date = periods.next_period_start - 1 or daily.calendar_date = periods.as_of_date)
    group by periods.period_grain, periods.period_start, {{ key }}
    union all
    {% endfor %}
    {%- endfor -%}
    select 'stage_conversion_' || cohort_kind, period_grain, period_start, 'stage', cast(stage_key as varchar), is_complete_period,
        conversion_rate, cast(converted_count as double), cast(cohort_count as double), false
    from {{ ref('mart_sales__stage_conversion_by_cohort') }}
    where stage_key is not null and counting <> 'touched'
    union all
    select 'stage_visits', period_grain, period_start, 'stage', cast(stage_key as varchar), is_complete_period,
        cast(entered_count as double), cast(entered_count as double), null, false
    from {{ ref('mart_sales__visit_flow') }}
    {% for mart, metric, value, numerator, denominator, is_amount, condition in others -%}
    union all
    select '{{ metric }}', period_grain, period_start, dimension, dimension_key, is_complete_period, cast({{ value }} as double),
        cast({{ numerator }} as double), cast({{ denominator }} as double), {{ is_amount }}
    from {{ ref(mart) }}
    where {{ condition }} and dimension <> 'reason'
    {% endfor %}
    union all
    -- the feed against itself: whether it agrees with its marts is asked by tests/scenario alone
    select told.metric, told.period_grain, told.period_start, told.dimension, told.dimension_key, periods.is_complete_period,
        told.metric_value, told.numerator, told.denominator, told.is_amount
    from {{ ref('mart_metrics__sales_values') }} as told
    inner join (select distinct period_grain, period_start, is_complete_period from {{ ref('mart_metrics__periods') }}) as periods
        on periods.period_grain = told.period_grain and periods.period_start = told.period_start

),

named as (

    select in_marts.*, coalesce(labels.dimension_value, in_marts.dimension_key) as dimension_value
    from in_marts
    left join {{ ref('mart_metrics__dimension_values') }} as labels
        on labels.dimension = in_marts.dimension and labels.dimension_key = in_marts.dimension_key
    where in_marts.period_grain <> 'all'

)

select
    coalesce(named.metric, metrics.metric) as metric, coalesce(named.period_grain, metrics.period_grain) as period_grain,
    coalesce(named.period_start, metrics.period_start) as period_start, coalesce(named.dimension_value, metrics.dimension_value) as dimension_value,
    named.told, metrics."value", metrics.numerator, metrics.denominator,
    'mart_metrics__values tells this metric otherwise than the mart it comes from, or lacks it.' as likely_cause
from named
full join {{ ref('mart_metrics__values') }} as metrics
    on metrics.metric = named.metric and metrics.period_grain = named.period_grain and metrics.period_start = named.period_start
    and metrics.dimension = named.dimension and metrics.dimension_value = named.dimension_value
where
    named.metric is null
    or metrics.metric is null
    or (named.told is null) <> (metrics."value" is null)
    or abs(named.told - metrics."value") > 1e-6
    or named.numerator is distinct from metrics.numerator
    or named.denominator is distinct from metrics.denominator
    or named.is_complete_period <> metrics.is_complete_period
    or (metrics.currency_code is not distinct from '{{ var("currency") }}') <> named.is_amount
    or (metrics.amount_basis is not distinct from 'booked') <> named.is_amount
    or metrics.data_through <> (select max(warehouse_data_through) from {{ ref('dim_sources') }})
    or metrics.run_id <> (select max(run_id) from {{ ref('dim_sources') }})
