-- The visits of every day and open stage, counted one by one by the way they ended.
with counted as (

    select
        {{ reporting_date('visits.entered_at') }} as period_start,
        visits.stage_key,
        count(visits.visit_key) as entered_count,
        {% for kind, column in [('advanced', 'forward'), ('skipped_ahead', 'skipped_forward'), ('moved_back', 'back'), ('won', 'won'), ('lost', 'lost'),
                                ('moved_pipeline', 'moved_pipeline')] -%}
        sum(case visits.exit_kind when '{{ kind }}' then 1 else 0 end) as {{ column }}_count,
        {% endfor -%}
        sum(case when visits.exit_kind in ('deleted', 'merged') then 1 else 0 end) as deleted_merged_count,
        sum(case when visits.exited_at is null then 1 else 0 end) as still_in_count,
        sum(case when visits.entered_at = visits.exited_at then 1 else 0 end) as transient_count,
        sum(case when visits.stage_visit_number <> 1 then 1 else 0 end) as re_entered_count
    from {{ ref('fct_deal_stage_visits') }} as visits
    where visits.stage_kind = 'open' and {{ reporting_date('visits.entered_at') }} <= (select {{ reporting_date('max(warehouse_data_through)') }} from {{ ref('dim_sources') }})
    group by 1, 2

),

told as (

    select
        period_start, stage_key, entered_count, forward_count, skipped_forward_count, back_count, won_count, lost_count, moved_pipeline_count,
        deleted_merged_count, still_in_count, transient_count, re_entered_count
    from {{ ref('mart_sales__visit_flow') }}
    where period_grain = 'day'

)

select 'only in mart_sales__visit_flow' as where_it_stands, *, 'A visit was counted on another day or as another kind of ending.' as likely_cause
from (select * from told except all select * from counted)
union all
select 'not in mart_sales__visit_flow', *, 'A visit was counted on another day or as another kind of ending.'
from (select * from counted except all select * from told)
