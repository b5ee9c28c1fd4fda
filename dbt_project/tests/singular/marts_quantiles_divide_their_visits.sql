-- The 90th percentile of the time to leave a stage: nine in ten of the visits that took time are as short, one in ten as long.
with visits as (

    select stage_key, hours_in_stage / 24 as days
    from {{ ref('fct_deal_stage_visits') }}
    where stage_kind = 'open' and exited_at > entered_at

),

shares as (

    select
        stages.stage_key, stages.stage_name, stages.left_count, stages.p90_days_to_leave,
        count(visits.days) as visit_count,
        count(case when visits.days <= stages.p90_days_to_leave + 1e-9 then 1 end) as as_short_count,
        count(case when visits.days < stages.p90_days_to_leave - 1e-9 then 1 end) as shorter_count
    from {{ ref('mart_sales__stages') }} as stages
    left join visits on visits.stage_key = stages.stage_key
    group by all

)

select *, 'Transient visits, visits to other stages or hours taken for days stand in the quantile: look at mart_sales__stages.' as likely_cause
from shares
where left_count <> visit_count
    or (visit_count = 0) <> (p90_days_to_leave is null)
    or as_short_count < floor(0.9 * (visit_count - 1)) + 1
    or shorter_count > ceil(0.9 * (visit_count - 1))
