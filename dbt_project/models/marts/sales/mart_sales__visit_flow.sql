with by_day as (

    select
        stage_key,
        {{ reporting_date('entered_at') }} as entered_date,
        count(*) as entered_count,
        count(*) filter (where exit_kind = 'advanced') as forward_count,
        count(*) filter (where exit_kind = 'skipped_ahead') as skipped_forward_count,
        count(*) filter (where exit_kind = 'moved_back') as back_count,
        count(*) filter (where exit_kind = 'won') as won_count,
        count(*) filter (where exit_kind = 'lost') as lost_count,
        count(*) filter (where exit_kind = 'moved_pipeline') as moved_pipeline_count,
        count(*) filter (where exit_kind in ('deleted', 'merged')) as deleted_merged_count,
        count(*) filter (where is_current) as still_in_count,
        count(*) filter (where is_transient) as transient_count,
        count(*) filter (where stage_visit_number > 1) as re_entered_count
    from {{ ref('fct_deal_stage_visits') }}
    where stage_kind = 'open'
    group by 1, 2

)

select
    periods.period_grain,
    periods.period_start,
    periods.is_complete_period,
    stages.pipeline_key,
    stages.pipeline_name,
    by_day.stage_key,
    stages.stage_name,
    stages.stage_order,
    {% for measure in ['entered_count', 'forward_count', 'skipped_forward_count', 'back_count', 'won_count', 'lost_count',
                       'moved_pipeline_count', 'deleted_merged_count', 'still_in_count', 'transient_count',
                       're_entered_count'] -%}
    cast(sum(by_day.{{ measure }}) as bigint) as {{ measure }}{{ ',' if not loop.last }}
    {% endfor %}
from by_day
inner join {{ ref('mart_metrics__periods') }} as periods on periods.calendar_date = by_day.entered_date
left join {{ ref('mart_sales__stages') }} as stages on stages.stage_key = by_day.stage_key
group by 1, 2, 3, 4, 5, 6, 7, 8
