-- A sum over days, weeks, months, quarters or years is the same sum.
with totals as (

    {% for mart, measures in [
        ('mart_sales__win_rates', 'won_count + lost_count + disqualified_count + no_decision_count + created_count'),
        ('mart_sales__visit_flow', 'entered_count'),
        ('mart_sales__stage_conversion_by_period', 'left_count + incomplete_history_count'),
        ('mart_sales__stage_conversion_by_cohort', 'cohort_count'),
        ('mart_sales__leakage', 'leaked_count + dormant_count'),
        ('mart_sales__cohort_partition', 'deal_count'),
    ] -%}
    select '{{ mart }}' as mart, period_grain, sum({{ measures }}) as total
    from {{ ref(mart) }}
    group by period_grain
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

expected as (

    select everything.mart, grains.period_grain, everything.total
    from totals as everything
    cross join (select distinct period_grain from {{ ref('mart_metrics__periods') }}) as grains
    where everything.period_grain = 'all'
        and not (everything.mart = 'mart_sales__leakage' and grains.period_grain = 'day')  -- leakage has no days

)

select
    expected.mart, expected.period_grain, coalesce(totals.total, 0) as total, expected.total as total_of_all,
    'A day is missing from or doubled in a grain of mart_metrics__periods.' as likely_cause
from expected
left join totals on totals.mart = expected.mart and totals.period_grain = expected.period_grain
where coalesce(totals.total, 0) <> expected.total
