-- A bound b of the Wilson interval of a rate r over n deals solves n (r - b)^2 = z^2 b (1 - b); the lower lies below the rate, the upper above.
with bounds as (

    {% for mart, rate, denominator in [
        ('mart_sales__win_rates', 'win_rate', 'closed_count'),
        ('mart_sales__win_rates', 'broad_win_rate', 'broad_closed_count'),
        ('mart_sales__win_rates', 'effective_win_rate', 'effective_closed_count'),
        ('mart_sales__win_rates', 'created_win_rate', 'created_count'),
        ('mart_sales__stage_conversion_by_cohort', 'conversion_rate', 'cohort_count'),
        ('mart_sales__funnel', 'step_rate', 'previous_count'),
        ('mart_sales__stage_conversion_by_period', 'conversion_rate', 'left_count'),
        ('mart_sales__velocity', 'win_rate', 'closed_count'),
        ('mart_sales__stage_paths', 'win_rate', 'closed_count'),
        ('mart_sales__win_backs', 'win_back_rate', 'lost_count'),
        ('mart_sales__touches', 'won_rate', 'deal_count'),
        ('mart_sales__slippage', 'slippage_rate', 'expected_count'),
        ('mart_sales__slippage', 'not_won_rate', 'expected_count'),
        ('mart_marketing__lead_funnel', 'mql_rate', 'lead_count'),
        ('mart_marketing__lead_funnel', 'sql_rate', 'lead_count'),
        ('mart_marketing__lead_funnel', 'lead_to_customer_rate', 'lead_count'),
        ('mart_marketing__lead_quality', 'fitting_rate', 'lead_count'),
        ('mart_marketing__hand_offs', 'accepted_rate', 'offered_count'),
        ('mart_marketing__hand_offs', 'rejected_rate', 'offered_count'),
        ('mart_marketing__hand_offs', 'recycled_rate', 'offered_count'),
        ('mart_marketing__hand_offs', 'on_time_rate', 'offered_count'),
        ('mart_marketing__lead_filter', 'wrong_cut_rate', 'cut_count'),
        ('mart_marketing__responses', 'response_rate', 'attempted_count'),
        ('mart_marketing__responses', 'unanswered_rate', 'attempted_count'),
        ('mart_marketing__consent', 'consent_rate', 'contact_count'),
        ('mart_marketing__follow_ups', 'follow_up_rate', 'presentation_count'),
        ('mart_customers__retention', 'churn_rate', 'opening_count'),
        ('mart_customers__repeat_purchases', 'repeat_rate', 'customer_count'),
        ('mart_customers__expansions', 'upsell_rate', 'customer_deal_count'),
        ('mart_customers__expansions', 'cross_sell_rate', 'customer_deal_count'),
        ('mart_customers__value_delivered', 'paid_rate', 'won_count'),
        ('mart_customers__value_delivered', 'part_paid_rate', 'won_count'),
        ('mart_customers__value_delivered', 'unpaid_rate', 'won_count'),
        ('mart_marketing__lead_scores', 'conversion_rate', 'lead_count'),
    ] -%}
    select distinct '{{ mart }}' as mart, '{{ rate }}' as rate_name, {{ rate }} as rate, {{ denominator }} as n, {{ rate }}_low as low, {{ rate }}_high as high
    from {{ ref(mart) }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select *, 'The formula of the interval is wrong, or its numerator or denominator is not that of the rate.' as likely_cause
from bounds
where
    (rate is null) <> (low is null)
    or (rate is null) <> (high is null)
    or not (low between 0 and rate + 1e-9 and high between rate - 1e-9 and 1)
    or abs(n * (rate - low) * (rate - low) - 3.8414588 * low * (1 - low)) > 1e-5 * (1 + n * (rate - low) * (rate - low))
    or abs(n * (rate - high) * (rate - high) - 3.8414588 * high * (1 - high)) > 1e-5 * (1 + n * (rate - high) * (rate - high))
    or (rate > 0 and low > rate - 1e-9)
    or (rate < 1 and high < rate + 1e-9)
    or (rate < 1 and rate > 0 and (low = 0 or high = 1))
