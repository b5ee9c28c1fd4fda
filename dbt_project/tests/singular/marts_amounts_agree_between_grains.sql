-- A sum of money, or of what could not be converted, over days, months or years is the same sum; leakage begins with weeks, the cycle with months where it
-- is split by more than pipelines.
with totals as (

    {% for mart, measures in [
        ('mart_sales__win_rates', ['won_amount', 'closed_amount', 'removed_count', 'unconverted_count', 'converted_won_count', 'unconverted_won_count', 'closed_count', 'broad_closed_count', 'created_won_count', 'dormant_count', 'effective_closed_count']),
        ('mart_sales__cohort_partition', ['total_amount', 'unconverted_count', 'dormant_count', 'incomplete_history_count']),
        ('mart_sales__leakage', ['last_amount', 'maximum_amount', 'dormant_amount', 'came_back_count', 'unconverted_count']),
        ('mart_sales__visit_flow', ['forward_count', 'skipped_forward_count', 'back_count', 'won_count', 'lost_count', 'moved_pipeline_count', 'deleted_merged_count', 'still_in_count', 'transient_count', 're_entered_count']),
        ('mart_sales__stage_conversion_by_cohort', ['converted_count', 'open_count', 'incomplete_history_count']),
        ('mart_sales__funnel_cohorts', ['deal_count', 'booked_amount', 'unconverted_count', 'mid_funnel_entry_count']),
        ('mart_sales__sales_cycle', ["case when dimension in ('all', 'pipeline') then deal_count end",
            "cast(case when dimension in ('all', 'pipeline') then total_days end as decimal(18, 4))"]),
    ] -%}
    {% set outer_loop = loop -%}
    {% for measure in measures -%}
    select '{{ mart }}' as mart, '{{ measure | replace("'", '') }}' as measure, period_grain, sum({{ measure }}) as total
    from {{ ref(mart) }}
    group by period_grain
    {{ 'union all' if not (loop.last and outer_loop.last) }}
    {% endfor %}
    {%- endfor %}
)

select
    totals.mart, totals.measure, totals.period_grain, totals.total, everything.total as total_of_all,
    'A day is missing from or doubled in a grain, or a measure is not a sum: look at the grouping by period.' as likely_cause
from totals
inner join totals as everything
    on everything.mart = totals.mart and everything.measure = totals.measure and everything.period_grain = 'all'
where abs(totals.total - everything.total) > 0.5
    or (totals.total is null) <> (everything.total is null)
