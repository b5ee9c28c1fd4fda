{{ config(materialized='ephemeral', contract={'enforced': false}) }}
{#- mart, metric, value, numerator, denominator, is_amount: the value is about money; an optional last one says which rows of the mart. -#}
{%- set metrics = [
    ('mart_marketing__lead_funnel', 'leads_created', 'lead_count', 'lead_count', 'null', false),
    ('mart_marketing__lead_funnel', 'lead_to_customer_rate', 'lead_to_customer_rate', 'customer_count', 'lead_count', false),
    ('mart_marketing__lead_quality', 'lead_quality_rate', 'fitting_rate', 'fitting_count', 'lead_count', false),
    ('mart_marketing__hand_offs', 'hand_off_acceptance_rate', 'accepted_rate', 'accepted_count', 'offered_count', false),
    ('mart_marketing__hand_offs', 'hand_off_rejection_rate', 'rejected_rate', 'rejected_count', 'offered_count', false),
    ('mart_marketing__hand_offs', 'hand_off_recycled_rate', 'recycled_rate', 'recycled_count', 'offered_count', false),
    ('mart_marketing__hand_offs', 'hand_off_hours', 'mean_hours_to_touch', 'total_hours_to_touch', 'touched_count', false),
    ('mart_marketing__hand_offs', 'hand_off_hours_median', 'median_hours_to_touch', 'null', 'touched_count', false),
    ('mart_marketing__hand_offs', 'hand_off_on_time_rate', 'on_time_rate', 'on_time_count', 'offered_count', false),
    ('mart_marketing__lead_filter', 'leads_cut', 'cut_count', 'cut_count', 'null', false),
    ('mart_marketing__lead_filter', 'wrong_cut_rate', 'wrong_cut_rate', 'wrong_cut_count', 'cut_count', false),
    ('mart_marketing__lead_filter', 'wrong_cut_amount', 'wrong_cut_amount', 'wrong_cut_amount', 'null', true),
    ('mart_marketing__responses', 'unanswered_request_rate', 'unanswered_rate', 'unanswered_count', 'attempted_count', false, "response_kind = 'first_request'"),
    ('mart_marketing__responses', 'response_rate', 'response_rate', 'answered_count', 'attempted_count', false, "response_kind = 'contact_attempt'"),
    ('mart_marketing__cost_per_lead', 'cost_per_lead', 'cost_per_lead', 'spend_amount', 'lead_count', true),
    ('mart_marketing__cost_per_lead', 'lagged_cost_per_lead', 'lagged_cost_per_lead', 'lagged_spend_amount', 'lead_count', true, "period_grain = 'month'"),
    ('mart_marketing__romi', 'romi', 'romi', 'gain_amount', 'spend_amount', true),
    ('mart_marketing__romi', 'incremental_romi', 'incremental_romi', 'revenue_change_amount', 'spend_change_amount', true),
    ('mart_marketing__consent', 'consent_rate', 'consent_rate', 'consented_count', 'contact_count', false),
    ('mart_marketing__follow_ups', 'follow_up_rate', 'follow_up_rate', 'followed_up_count', 'presentation_count', false),
    ('mart_customers__retention', 'customers', 'customer_count', 'customer_count', 'null', false),
    ('mart_customers__retention', 'churn_rate', 'churn_rate', 'lost_count', 'opening_count', false),
    ('mart_customers__repeat_purchases', 'repeat_purchase_rate', 'repeat_rate', 'repeat_count', 'customer_count', false),
    ('mart_customers__repeat_purchases', 'referrals_made', 'referral_count', 'referral_count', 'null', false),
    ('mart_customers__value_delivered', 'paid_rate', 'paid_rate', 'paid_count', 'won_count', false),
    ('mart_customers__value_delivered', 'part_paid_rate', 'part_paid_rate', 'part_paid_count', 'won_count', false),
    ('mart_customers__value_delivered', 'unpaid_rate', 'unpaid_rate', 'unpaid_count', 'won_count', false),
    ('mart_customers__value_delivered', 'value_delivered_rate', 'value_delivered_rate', 'achieved_amount', 'promised_amount', true),
    ('mart_customers__value_delivered', 'discount_rate', 'discount_rate', 'discount_amount', 'won_amount', true),
    ('mart_customers__expansions', 'upsell_rate', 'upsell_rate', 'upsell_count', 'customer_deal_count', false),
    ('mart_customers__expansions', 'upsell_amount', 'upsell_amount', 'upsell_amount', 'null', true),
    ('mart_customers__expansions', 'cross_sell_rate', 'cross_sell_rate', 'cross_sell_count', 'customer_deal_count', false),
    ('mart_customers__expansions', 'cross_sell_amount', 'cross_sell_amount', 'cross_sell_amount', 'null', true),
    ('mart_customers__unit_economics', 'attraction_cost_per_lead', 'attraction_cost_per_lead', 'attraction_cost_amount', 'lead_count', true),
    ('mart_customers__unit_economics', 'cost_per_new_customer', 'cost_per_new_customer', 'sales_cost_amount', 'new_customer_count', true),
    ('mart_customers__unit_economics', 'cost_per_kept_customer', 'cost_per_kept_customer', 'retention_cost_amount', 'opening_customer_count', true),
    ('mart_customers__unit_economics', 'total_cost_per_customer', 'total_cost_per_customer', 'null', 'null', true),
    ('mart_customers__unit_economics', 'revenue_per_customer', 'revenue_per_customer', 'won_amount', 'customer_count', true),
    ('mart_customers__unit_economics', 'profit_per_customer', 'profit_per_customer', 'null', 'null', true),
] -%}
{% for metric in metrics -%}
select '{{ metric[1] }}' as metric, period_grain, period_start, dimension, dimension_key,
    cast({{ metric[2] }} as double) as metric_value, cast({{ metric[3] }} as double) as numerator,
    cast({{ metric[4] }} as double) as denominator, {{ metric[5] }} as is_amount
from {{ ref(metric[0]) }}
-- why something was cut or sent back is a split of its mart alone
where dimension <> 'reason'{% if metric | length > 6 %} and {{ metric[6] }}{% endif %}
{{ 'union all' if not loop.last }}
{% endfor %}
