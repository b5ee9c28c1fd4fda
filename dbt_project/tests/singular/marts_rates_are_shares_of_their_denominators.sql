-- Every rate lies in 0 to 1 inside its interval, is its numerator over its denominator, and is null exactly where the denominator is 0.
with rates as (

    {% for mart, grain, rate, numerator, denominator, interval in [
        ('mart_sales__win_rates', "period_grain || ' ' || period_start || ' ' || dimension_value", 'win_rate', 'won_count', 'closed_count', true),
        ('mart_sales__win_rates', "period_grain || ' ' || period_start || ' ' || dimension_value", 'broad_win_rate', 'won_count', 'broad_closed_count', true),
        ('mart_sales__win_rates', "period_grain || ' ' || period_start || ' ' || dimension_value", 'effective_win_rate', 'won_count', 'effective_closed_count', true),
        ('mart_sales__win_rates', "period_grain || ' ' || period_start || ' ' || dimension_value", 'created_win_rate', 'created_won_count', 'created_count', true),
        ('mart_sales__win_rates', "period_grain || ' ' || period_start || ' ' || dimension_value", 'value_win_rate', 'won_amount', 'closed_amount', false),
        ('mart_sales__stage_conversion_by_cohort', "counting || ' ' || period_grain || ' ' || period_start || ' ' || pipeline_key || ' ' || coalesce(stage_name, stage_kind)", 'conversion_rate', 'converted_count', 'cohort_count', true),
        ('mart_sales__funnel', "period_grain || ' ' || period_start || ' ' || dimension_value || ' ' || step_name", 'step_rate', 'reached_count', 'previous_count', true),
        ('mart_sales__funnel', "period_grain || ' ' || period_start || ' ' || dimension_value || ' ' || step_name", 'cohort_rate', 'reached_count', 'cohort_count', false),
        ('mart_sales__cohort_partition', "period_grain || ' ' || period_start || ' ' || pipeline_key || ' ' || outcome", 'cohort_rate', 'deal_count', 'created_count', false),
        ('mart_sales__stage_conversion_by_period', "period_grain || ' ' || period_start || ' ' || stage_key", 'conversion_rate', 'forward_count', 'left_count', true),
        ('mart_sales__velocity', "period_grain || ' ' || period_start || ' ' || dimension_value", 'win_rate', 'won_count', 'closed_count', true),
        ('mart_sales__stage_paths', "pipeline_name || ' ' || path", 'win_rate', 'won_count', 'closed_count', true),
        ('mart_sales__win_backs', "period_grain || ' ' || period_start || ' ' || dimension_value", 'win_back_rate', 'came_back_count', 'lost_count', true),
        ('mart_sales__touches', "period_grain || ' ' || period_start || ' ' || dimension_value || ' ' || touch_kind", 'won_rate', 'won_count', 'deal_count', true),
        ('mart_sales__touches', "period_grain || ' ' || period_start || ' ' || dimension_value || ' ' || touch_kind", 'without_presentation_rate', 'without_presentation_count', 'won_count', true),
        ('mart_sales__touches', "period_grain || ' ' || period_start || ' ' || dimension_value || ' ' || touch_kind", 'automated_rate', 'automated_count', 'activity_count', false),
        ('mart_sales__touches', "period_grain || ' ' || period_start || ' ' || dimension_value || ' ' || touch_kind", 'customer_lead_rate', 'customer_lead_count', 'lead_count', false),
        ('mart_sales__slippage', "period_grain || ' ' || period_start || ' ' || dimension_value", 'slippage_rate', 'slipped_count', 'expected_count', true),
        ('mart_sales__slippage', "period_grain || ' ' || period_start || ' ' || dimension_value", 'not_won_rate', 'not_won_count', 'expected_count', true),
        ('mart_sales__slippage', "period_grain || ' ' || period_start || ' ' || dimension_value", 'slippage_amount_rate', 'slipped_amount', 'expected_amount', false),
        ('mart_marketing__lead_funnel', "period_grain || ' ' || period_start || ' ' || dimension_value", 'mql_rate', 'mql_count', 'lead_count', true),
        ('mart_marketing__lead_funnel', "period_grain || ' ' || period_start || ' ' || dimension_value", 'sql_rate', 'sql_count', 'lead_count', true),
        ('mart_marketing__lead_funnel', "period_grain || ' ' || period_start || ' ' || dimension_value", 'lead_to_customer_rate', 'customer_count', 'lead_count', true),
        ('mart_marketing__lead_quality', "period_grain || ' ' || period_start || ' ' || dimension_value", 'fitting_rate', 'fitting_count', 'lead_count', true),
        ('mart_marketing__hand_offs', "period_grain || ' ' || period_start || ' ' || dimension_value", 'accepted_rate', 'accepted_count', 'offered_count', true),
        ('mart_marketing__hand_offs', "period_grain || ' ' || period_start || ' ' || dimension_value", 'rejected_rate', 'rejected_count', 'offered_count', true),
        ('mart_marketing__hand_offs', "period_grain || ' ' || period_start || ' ' || dimension_value", 'recycled_rate', 'recycled_count', 'offered_count', true),
        ('mart_marketing__hand_offs', "period_grain || ' ' || period_start || ' ' || dimension_value", 'on_time_rate', 'on_time_count', 'offered_count', true),
        ('mart_marketing__lead_filter', "period_grain || ' ' || period_start || ' ' || dimension_value", 'wrong_cut_rate', 'wrong_cut_count', 'cut_count', true),
        ('mart_marketing__responses', "period_grain || ' ' || period_start || ' ' || dimension_value", 'response_rate', 'answered_count', 'attempted_count', true),
        ('mart_marketing__responses', "period_grain || ' ' || period_start || ' ' || dimension_value", 'unanswered_rate', 'unanswered_count', 'attempted_count', true),
        ('mart_marketing__consent', "period_grain || ' ' || period_start || ' ' || dimension_value", 'consent_rate', 'consented_count', 'contact_count', true),
        ('mart_marketing__follow_ups', "period_grain || ' ' || period_start || ' ' || dimension_value", 'follow_up_rate', 'followed_up_count', 'presentation_count', true),
        ('mart_customers__retention', "period_grain || ' ' || period_start || ' ' || dimension_value", 'churn_rate', 'lost_count', 'opening_count', true),
        ('mart_customers__repeat_purchases', "period_grain || ' ' || period_start || ' ' || dimension_value", 'repeat_rate', 'repeat_count', 'customer_count', true),
        ('mart_customers__expansions', "period_grain || ' ' || period_start || ' ' || dimension_value", 'upsell_rate', 'upsell_count', 'customer_deal_count', true),
        ('mart_customers__expansions', "period_grain || ' ' || period_start || ' ' || dimension_value", 'cross_sell_rate', 'cross_sell_count', 'customer_deal_count', true),
        ('mart_customers__value_delivered', "period_grain || ' ' || period_start || ' ' || dimension_value", 'paid_rate', 'paid_count', 'won_count', true),
        ('mart_customers__value_delivered', "period_grain || ' ' || period_start || ' ' || dimension_value", 'part_paid_rate', 'part_paid_count', 'won_count', true),
        ('mart_customers__value_delivered', "period_grain || ' ' || period_start || ' ' || dimension_value", 'unpaid_rate', 'unpaid_count', 'won_count', true),
        ('mart_marketing__lead_scores', "score_band", 'conversion_rate', 'customer_count', 'lead_count', true),
    ] -%}
    select
        '{{ mart }}' as mart, {{ grain }} as row_at, '{{ rate }}' as rate_name, {{ rate }} as rate,
        {{ rate ~ '_low' if interval else 'cast(null as double)' }} as rate_low,
        {{ rate ~ '_high' if interval else 'cast(null as double)' }} as rate_high,
        cast({{ numerator }} as double) as numerator, cast({{ denominator }} as double) as denominator
    from {{ ref(mart) }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    *,
    'The numerator counts something that the denominator does not (look for a join that doubles deals), or an amount is negative.'
        as likely_cause
from rates
where rate not between 0 and 1
    or numerator > denominator
    or (rate is null and denominator <> 0 and numerator is not null)
    or (rate is not null and coalesce(denominator, 0) = 0)
    or abs(rate * denominator - numerator) > 1e-6 * denominator
    or rate < rate_low - 1e-12
    or rate > rate_high + 1e-12
