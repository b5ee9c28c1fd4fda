-- A period of a mart is one of mart_metrics__periods, and over in both or in neither.
with told as (

    {% for mart in [
        'mart_customers__expansions', 'mart_customers__repeat_purchases', 'mart_customers__retention', 'mart_customers__unit_economics',
        'mart_customers__value_delivered', 'mart_marketing__consent', 'mart_marketing__cost_per_lead', 'mart_marketing__follow_ups',
        'mart_marketing__hand_offs', 'mart_marketing__lead_filter', 'mart_marketing__lead_funnel', 'mart_marketing__lead_quality',
        'mart_marketing__responses', 'mart_marketing__romi', 'mart_metrics__values', 'mart_sales__cohort_partition', 'mart_sales__coverage',
        'mart_sales__expected_deals', 'mart_sales__funnel', 'mart_sales__funnel_cohorts', 'mart_sales__leakage', 'mart_sales__leakage_splits',
        'mart_sales__pipeline_waterfall', 'mart_sales__sales_cycle', 'mart_sales__slippage', 'mart_sales__stage_conversion_by_cohort',
        'mart_sales__stage_conversion_by_period', 'mart_sales__touches', 'mart_sales__velocity', 'mart_sales__visit_flow', 'mart_sales__win_backs',
        'mart_sales__win_probability', 'mart_sales__win_rates',
    ] -%}
    select distinct '{{ mart }}' as mart, period_grain, period_start, is_complete_period from {{ ref(mart) }}
    union all
    {% endfor -%}
    {% for mart in ['mart_sales__capacity', 'mart_sales__won_weekly'] -%}
    select distinct '{{ mart }}', 'week', week_start, is_complete_period from {{ ref(mart) }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

periods as (

    select distinct period_grain, period_start, is_complete_period from {{ ref('mart_metrics__periods') }}

)

select
    told.mart, told.period_grain, told.period_start, told.is_complete_period, periods.is_complete_period as is_over,
    'The mart has a period that the calendar has not, or takes a running one for one that is over: look at its join to mart_metrics__periods.' as likely_cause
from told
left join periods on periods.period_grain = told.period_grain and periods.period_start = told.period_start
where told.is_complete_period is distinct from periods.is_complete_period
    -- meetings are planned for weeks to come
    and not (told.mart = 'mart_sales__capacity' and periods.period_start is null and not told.is_complete_period)
