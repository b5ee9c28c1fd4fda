-- A mart by periods has every grain it is made for as soon as it has a row: a day lies in a week, a month, a quarter and a year.
{%- set grains = {
    'all,month': ['mart_customers__repeat_purchases'],
    'month,quarter,year': ['mart_customers__retention', 'mart_customers__unit_economics', 'mart_marketing__romi', 'mart_sales__coverage', 'mart_sales__win_backs'],
    'all,month,quarter,year': ['mart_customers__expansions', 'mart_customers__value_delivered', 'mart_sales__win_probability'],
    'all,month,quarter,week,year': ['mart_marketing__consent', 'mart_marketing__cost_per_lead', 'mart_marketing__follow_ups', 'mart_marketing__hand_offs',
        'mart_marketing__lead_filter', 'mart_marketing__responses', 'mart_sales__leakage', 'mart_sales__leakage_splits'],
    'all,day,month,quarter,week,year': ['mart_marketing__lead_funnel', 'mart_marketing__lead_quality', 'mart_sales__cohort_partition', 'mart_sales__funnel',
        'mart_sales__sales_cycle', 'mart_sales__visit_flow', 'mart_sales__win_rates'],
} %}
with told as (

    {% for wanted, marts in grains.items() -%}
    {% set is_last_wanted = loop.last -%}
    {% for mart in marts -%}
    select '{{ mart }}' as mart, '{{ wanted }}' as wanted, string_agg(distinct period_grain, ',' order by period_grain) as grains
    from {{ ref(mart) }}
    {{ 'union all' if not (is_last_wanted and loop.last) }}
    {% endfor -%}
    {% endfor %}
)

select mart, grains, wanted, 'A grain is missing or too many: look at the grains that the mart asks mart_metrics__periods for.' as likely_cause
from told
where grains <> wanted
