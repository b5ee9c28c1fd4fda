-- A cohort is mature when nine in ten of its kind have had the time they need; that time is the stage's, or that of the pipeline's closes.
with closing_times as (

    select outcomes.created_pipeline_key as pipeline_key, quantile_cont((epoch(outcomes.outcome_at) - epoch(outcomes.created_at)) / 86400, 0.9) as p90_days
    from {{ ref('mart_sales__deal_outcomes') }} as outcomes
    where outcomes.deal_status in ('won', 'lost')
    group by 1

)

select
    conversion.cohort_kind, conversion.period_grain, conversion.period_start, conversion.stage_key, conversion.p90_days, conversion.matured,
    'The age of the cohort or the time its deals need is told wrongly: look at p90_days in mart_sales__stage_conversion_by_cohort.' as likely_cause
from {{ ref('mart_sales__stage_conversion_by_cohort') }} as conversion
left join closing_times on closing_times.pipeline_key = conversion.pipeline_key
left join {{ ref('mart_sales__stages') }} as stages on stages.stage_key = conversion.stage_key
left join (select distinct period_grain, period_start, next_period_start, as_of_date from {{ ref('mart_metrics__periods') }}) as periods
    on periods.period_grain = conversion.period_grain and periods.period_start = conversion.period_start
where
    (case conversion.cohort_kind when 'created' then closing_times.p90_days else stages.p90_days_to_leave end is null) <> (conversion.p90_days is null)
    or abs(conversion.p90_days - case conversion.cohort_kind when 'created' then closing_times.p90_days else stages.p90_days_to_leave end) > 1e-6
    or conversion.matured <> coalesce(date_diff('day', periods.next_period_start, periods.as_of_date) >= conversion.p90_days, false)
    or conversion.stage_name is distinct from stages.stage_name
    or conversion.open_rank is distinct from stages.open_rank
    or conversion.cohort_kind || ' ' || conversion.counting not in ('created implied_reached', 'created touched', 'stage_entry reached_beyond')
