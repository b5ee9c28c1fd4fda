-- The conversion cohorts of every day are the deals created, or the first entries made, on that day.
with counted as (

    select {{ reporting_date('visits.entered_at') }} as period_start, 'stage_entry' as cohort_kind, visits.stage_key, count(*) as deal_count
    from {{ ref('fct_deal_stage_visits') }} as visits
    where visits.stage_kind = 'open' and visits.stage_visit_number = 1
    group by 1, 2, 3

    union all

    select {{ reporting_date('deals.created_at') }}, 'created', stages.stage_key, count(*)
    from {{ ref('dim_deals') }} as deals
    inner join {{ ref('mart_sales__deal_outcomes') }} as outcomes on outcomes.deal_key = deals.deal_key
    inner join {{ ref('dim_stages') }} as stages
        on stages.pipeline_key = outcomes.created_pipeline_key and stages.is_current and not stages.is_deleted and stages.stage_kind = 'open'
        and stages.open_rank is not null
    group by 1, 2, 3

),

told as (

    select period_start, cohort_kind, stage_key, cohort_count + incomplete_history_count as deal_count
    from {{ ref('mart_sales__stage_conversion_by_cohort') }}
    where period_grain = 'day' and stage_key is not null and counting <> 'touched'

)

select 'only in mart_sales__stage_conversion_by_cohort' as where_it_stands, *, 'A deal stands in the cohort of another day.' as likely_cause
from (select * from told except all select * from counted)
union all
select 'not in mart_sales__stage_conversion_by_cohort', *, 'A deal stands in the cohort of another day.'
from (select * from counted except all select * from told)
