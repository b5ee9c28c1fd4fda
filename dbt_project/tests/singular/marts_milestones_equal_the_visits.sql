-- Visits that left an open stage, counted one by one on the day they left, by how they left.
with counted as (

    select
        {{ reporting_date('visits.exited_at') }} as period_start, visits.stage_key,
        count(case when outcomes.has_complete_history then 1 end) as left_count,
        count(case when outcomes.has_complete_history and visits.exit_kind not in ('moved_back', 'lost', 'moved_pipeline', 'deleted', 'merged') then 1 end) as forward_count,
        count(case when outcomes.has_complete_history and visits.exit_kind = 'won' then 1 end) as won_count,
        count(case when not outcomes.has_complete_history then 1 end) as incomplete_history_count
    from {{ ref('fct_deal_stage_visits') }} as visits
    inner join {{ ref('mart_sales__deal_outcomes') }} as outcomes on outcomes.deal_key = visits.deal_key
    where visits.stage_kind = 'open' and {{ reporting_date('visits.exited_at') }} <= (select {{ reporting_date('max(warehouse_data_through)') }} from {{ ref('dim_sources') }})
    group by 1, 2

),

told as (

    select period_start, stage_key, left_count, forward_count, won_count, incomplete_history_count
    from {{ ref('mart_sales__stage_conversion_by_period') }}
    where period_grain = 'day'

)

select 'only in mart_sales__stage_conversion_by_period' as where_it_stands, *, 'A visit counts on another day, or as left forward that was not.' as likely_cause
from (select * from told except all select * from counted)
union all
select 'not in mart_sales__stage_conversion_by_period', *, 'A visit counts on another day, or as left forward that was not.'
from (select * from counted except all select * from told)
