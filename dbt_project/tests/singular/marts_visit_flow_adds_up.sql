-- entered = forward + skipped forward + back + won + lost + moved + deleted or merged + still in, to the visit; and no visit is missing but those
-- dated after the as-of, which wait for their day (`core_changes_are_not_of_the_future` tells of them).
with flow as (

    select
        period_grain, period_start, stage_key, entered_count,
        forward_count + skipped_forward_count + back_count + won_count + lost_count + moved_pipeline_count
            + deleted_merged_count + still_in_count as accounted_count
    from {{ ref('mart_sales__visit_flow') }}

),

visits as (

    select stage_key, count(*) as visit_count
    from {{ ref('fct_deal_stage_visits') }}
    where stage_kind = 'open' and {{ reporting_date('entered_at') }} <= (select {{ reporting_date('max(warehouse_data_through)') }} from {{ ref('dim_sources') }})
    group by stage_key

),

totals as (

    select period_grain, stage_key, sum(entered_count) as entered_count
    from flow
    group by period_grain, stage_key

)

select
    period_grain, period_start, stage_key, entered_count, accounted_count,
    'A visit to an open stage ended in a kind of transition that the flow does not know: look at exit_kind in fct_deal_stage_visits.'
        as likely_cause
from flow
where entered_count <> accounted_count

union all

select
    coalesce(totals.period_grain, 'all'), null, visits.stage_key, coalesce(totals.entered_count, 0), visits.visit_count,
    'Visits are missing from a period grain: an entry lies outside the calendar (before dim_dates begins).'
from visits
left join totals on totals.stage_key = visits.stage_key
where totals.entered_count is distinct from visits.visit_count
