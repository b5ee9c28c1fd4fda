with created_by_day as (

    select
        created_date, created_pipeline_key as pipeline_key, has_complete_history, furthest_rank,
        deal_status = 'won' and pipeline_key = created_pipeline_key as is_won,
        deal_status = 'open' as is_open,
        count(*) as deal_count
    from {{ ref('mart_sales__deal_outcomes') }}
    group by created_date, created_pipeline_key, has_complete_history, furthest_rank, is_won, is_open

),

-- every listed open stage of the pipeline, and one row for won; a removed stage has no place of its own any more
goals as (

    select pipeline_key, stage_key, stage_kind, open_rank
    from {{ ref('mart_sales__stages') }}
    where stage_kind = 'open' and open_rank is not null and not is_deleted

    union all

    select distinct pipeline_key, cast(null as uuid), 'won', cast(null as bigint)
    from {{ ref('mart_sales__stages') }}

),

created_reached as (

    select
        created.created_date,
        created.pipeline_key,
        goals.stage_key,
        goals.stage_kind,
        created.has_complete_history,
        case goals.stage_kind when 'won' then created.is_won else created.furthest_rank >= goals.open_rank end as is_converted,
        created.is_open,
        created.deal_count
    from created_by_day as created
    inner join goals on goals.pipeline_key = created.pipeline_key

),

created_by_stage as (

    select
        created_date, pipeline_key, stage_key, stage_kind,
        coalesce(sum(deal_count) filter (where has_complete_history), 0) as cohort_count,
        coalesce(sum(deal_count) filter (where has_complete_history and is_converted), 0) as converted_count,
        coalesce(sum(deal_count) filter (where has_complete_history and is_open), 0) as all_open_count,
        coalesce(sum(deal_count) filter (where has_complete_history and is_open and not is_converted), 0) as open_count,
        coalesce(sum(deal_count) filter (where not has_complete_history), 0) as incomplete_history_count
    from created_reached
    group by created_date, pipeline_key, stage_key, stage_kind

),

by_day as (

    select
        'stage_entry' as cohort_kind, 'reached_beyond' as counting, cohort_date, pipeline_key, stage_key, 'open' as stage_kind,
        cohort_count, converted_count, open_count, incomplete_history_count
    from {{ ref('mart_sales__stage_entries_daily') }}

    union all

    select
        'created', 'implied_reached', created_date, pipeline_key, stage_key, stage_kind,
        cohort_count, converted_count, open_count, incomplete_history_count
    from created_by_stage

    union all

    -- really stood there, however short
    select
        'created', 'touched', created.created_date, created.pipeline_key, created.stage_key, created.stage_kind, created.cohort_count,
        coalesce(touches.touched_count, 0), created.all_open_count - coalesce(touches.touched_open_count, 0), created.incomplete_history_count
    from created_by_stage as created
    left join {{ ref('mart_sales__stage_touches_daily') }} as touches
        on touches.created_date = created.created_date and touches.stage_key = created.stage_key
    where created.stage_kind = 'open'

),

closing_times as (

    select
        created_pipeline_key as pipeline_key,
        {{ quantile(hours_between('created_at', 'outcome_at') ~ ' / 24', '0.9') }} as p90_days
    from {{ ref('mart_sales__deal_outcomes') }}
    where deal_status in ('won', 'lost')
    group by created_pipeline_key

),

by_period as (

    select
        by_day.cohort_kind, by_day.counting, periods.period_grain, periods.period_start, periods.next_period_start, periods.as_of_date,
        periods.is_complete_period, by_day.pipeline_key, by_day.stage_key, by_day.stage_kind,
        cast(sum(by_day.cohort_count) as bigint) as cohort_count,
        cast(sum(by_day.converted_count) as bigint) as converted_count,
        cast(sum(by_day.open_count) as bigint) as open_count,
        cast(sum(by_day.incomplete_history_count) as bigint) as incomplete_history_count
    from by_day
    inner join {{ ref('mart_metrics__periods') }} as periods on periods.calendar_date = by_day.cohort_date
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10

)

select
    by_period.cohort_kind,
    by_period.counting,
    by_period.period_grain,
    by_period.period_start,
    by_period.is_complete_period,
    by_period.pipeline_key,
    by_period.stage_key,
    by_period.stage_kind,
    stages.stage_name,
    stages.open_rank,
    by_period.cohort_count,
    by_period.converted_count,
    {{ safe_ratio('by_period.converted_count', 'by_period.cohort_count') }} as conversion_rate,
    {{ wilson_low('by_period.converted_count', 'by_period.cohort_count') }} as conversion_rate_low,
    {{ wilson_high('by_period.converted_count', 'by_period.cohort_count') }} as conversion_rate_high,
    by_period.open_count,
    by_period.incomplete_history_count,
    case by_period.cohort_kind when 'created' then closing_times.p90_days else stages.p90_days_to_leave end as p90_days,
    coalesce(
        by_period.as_of_date - by_period.next_period_start
            >= case by_period.cohort_kind when 'created' then closing_times.p90_days else stages.p90_days_to_leave end,
        false
    ) as matured
from by_period
left join {{ ref('mart_sales__stages') }} as stages on stages.stage_key = by_period.stage_key
left join closing_times on closing_times.pipeline_key = by_period.pipeline_key
