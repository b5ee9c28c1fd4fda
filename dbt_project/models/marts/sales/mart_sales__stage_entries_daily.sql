with visits as (

    -- places are compared on one scale, the pipeline's order now; the first move is judged by the order valid then
    select
        visits.deal_key,
        visits.visit_number,
        visits.stage_visit_number,
        visits.stage_kind,
        visits.pipeline_key,
        visits.stage_key,
        visits.entered_at,
        visits.exit_kind,
        stages.open_rank,
        max(stages.open_rank) over (
            partition by visits.deal_key, visits.pipeline_key order by visits.visit_number
            rows between 1 following and unbounded following
        ) as later_rank
    from {{ ref('fct_deal_stage_visits') }} as visits
    left join {{ ref('mart_sales__stages') }} as stages on stages.stage_key = visits.stage_key

),

stage_entries as (

    select
        {{ reporting_date('visits.entered_at') }} as cohort_date,
        visits.pipeline_key,
        visits.stage_key,
        outcomes.has_complete_history,
        coalesce(visits.exit_kind in ('advanced', 'skipped_ahead', 'won'), false)
            or coalesce(visits.later_rank > visits.open_rank, false)
            or coalesce(outcomes.last_won_visit_number > visits.visit_number, false) as is_converted,
        outcomes.deal_status = 'open' as is_open
    from visits
    inner join {{ ref('mart_sales__deal_outcomes') }} as outcomes on outcomes.deal_key = visits.deal_key
    where visits.stage_kind = 'open' and visits.stage_visit_number = 1

)

select
    pipeline_key,
    stage_key,
    cohort_date,
    count(*) filter (where has_complete_history) as cohort_count,
    count(*) filter (where has_complete_history and is_converted) as converted_count,
    count(*) filter (where has_complete_history and is_open and not is_converted) as open_count,
    count(*) filter (where not has_complete_history) as incomplete_history_count
from stage_entries
group by pipeline_key, stage_key, cohort_date
