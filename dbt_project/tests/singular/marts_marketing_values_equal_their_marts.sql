-- What mart_metrics__values says of marketing and of customers is what their own marts say, figured anew.
{#- mart, metric, its value where that is no quotient, numerator, denominator, about money, the rows of the mart -#}
{%- set listed = [
    ('lead_funnel', 'leads_created', none, 'lead_count', 'null', false, 'true'),
    ('lead_funnel', 'lead_to_customer_rate', none, 'customer_count', 'lead_count', false, 'true'),
    ('lead_quality', 'lead_quality_rate', none, 'fitting_count', 'lead_count', false, 'true'),
    ('hand_offs', 'hand_off_acceptance_rate', none, 'accepted_count', 'offered_count', false, 'true'),
    ('hand_offs', 'hand_off_rejection_rate', none, 'rejected_count', 'offered_count', false, 'true'),
    ('hand_offs', 'hand_off_recycled_rate', none, 'recycled_count', 'offered_count', false, 'true'),
    ('hand_offs', 'hand_off_hours', none, 'total_hours_to_touch', 'touched_count', false, 'true'),
    ('hand_offs', 'hand_off_hours_median', 'median_hours_to_touch', 'null', 'touched_count', false, 'true'),
    ('hand_offs', 'hand_off_on_time_rate', none, 'on_time_count', 'offered_count', false, 'true'),
    ('lead_filter', 'leads_cut', none, 'cut_count', 'null', false, 'true'),
    ('lead_filter', 'wrong_cut_rate', none, 'wrong_cut_count', 'cut_count', false, 'true'),
    ('lead_filter', 'wrong_cut_amount', none, 'wrong_cut_amount', 'null', true, 'true'),
    ('responses', 'unanswered_request_rate', none, 'unanswered_count', 'attempted_count', false, "response_kind = 'first_request'"),
    ('responses', 'response_rate', none, 'answered_count', 'attempted_count', false, "response_kind = 'contact_attempt'"),
    ('cost_per_lead', 'cost_per_lead', none, 'spend_amount', 'lead_count', true, 'true'),
    ('cost_per_lead', 'lagged_cost_per_lead', none, 'lagged_spend_amount', 'lead_count', true, "period_grain = 'month'"),
    ('romi', 'romi', none, 'gain_amount', 'spend_amount', true, 'true'),
    ('romi', 'incremental_romi', 'case when spend_change_amount > 0 then cast(revenue_change_amount as double) / spend_change_amount end',
        'revenue_change_amount', 'spend_change_amount', true, 'true'),
    ('consent', 'consent_rate', none, 'consented_count', 'contact_count', false, 'true'),
    ('follow_ups', 'follow_up_rate', none, 'followed_up_count', 'presentation_count', false, 'true'),
] %}
{%- set of_customers = [
    ('retention', 'customers', none, 'customer_count', 'null', false),
    ('retention', 'churn_rate', none, 'lost_count', 'opening_count', false),
    ('repeat_purchases', 'repeat_purchase_rate', none, 'repeat_count', 'customer_count', false),
    ('repeat_purchases', 'referrals_made', none, 'referral_count', 'null', false),
    ('value_delivered', 'paid_rate', none, 'paid_count', 'won_count', false),
    ('value_delivered', 'part_paid_rate', none, 'part_paid_count', 'won_count', false),
    ('value_delivered', 'unpaid_rate', none, 'unpaid_count', 'won_count', false),
    ('value_delivered', 'value_delivered_rate', none, 'achieved_amount', 'promised_amount', true),
    ('value_delivered', 'discount_rate', none, 'discount_amount', 'won_amount', true),
    ('expansions', 'upsell_rate', none, 'upsell_count', 'customer_deal_count', false),
    ('expansions', 'upsell_amount', none, 'upsell_amount', 'null', true),
    ('expansions', 'cross_sell_rate', none, 'cross_sell_count', 'customer_deal_count', false),
    ('expansions', 'cross_sell_amount', none, 'cross_sell_amount', 'null', true),
    ('unit_economics', 'attraction_cost_per_lead', none, 'attraction_cost_amount', 'lead_count', true),
    ('unit_economics', 'cost_per_new_customer', none, 'sales_cost_amount', 'new_customer_count', true),
    ('unit_economics', 'cost_per_kept_customer', none, 'retention_cost_amount', 'opening_customer_count', true),
    ('unit_economics', 'total_cost_per_customer', 'total_cost_per_customer', 'null', 'null', true),
    ('unit_economics', 'revenue_per_customer', none, 'won_amount', 'customer_count', true),
    ('unit_economics', 'profit_per_customer', 'revenue_per_customer - total_cost_per_customer', 'null', 'null', true),
] %}
{%- set names = (listed + of_customers) | map(attribute=1) | list %}
with in_marts as (

    {% for mart, metric, value, numerator, denominator, is_amount, condition in listed -%}
    select '{{ metric }}' as metric, period_grain, period_start, dimension, dimension_key, {{ figure_of(value, numerator, denominator) }}, {{ is_amount }} as is_amount
    from {{ ref('mart_marketing__' ~ mart) }}
    where {{ condition }} and dimension <> 'reason'
    union all
    {% endfor -%}
    {% for mart, metric, value, numerator, denominator, is_amount in of_customers -%}
    select '{{ metric }}', period_grain, period_start, dimension, dimension_key, {{ figure_of(value, numerator, denominator) }}, {{ is_amount }}
    from {{ ref('mart_customers__' ~ mart) }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

{{ told_otherwise(names, ref('mart_metrics__values'), ref('mart_metrics__dimension_values'), ref('mart_metrics__periods'), ref('dim_sources'),
    likely_cause='mart_metrics__marketing_values takes another column, other rows, or leaves the metric out.') }}
