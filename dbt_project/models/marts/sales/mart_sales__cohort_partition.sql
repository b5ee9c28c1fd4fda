with by_day as (

    select
        created_date,
        created_pipeline_key as pipeline_key,
        outcome,
        case when deal_status = 'lost' then last_open_stage_key end as last_open_stage_key,
        count(*) as deal_count,
        count(*) filter (where is_dormant) as dormant_count,
        count(*) filter (where not has_complete_history) as incomplete_history_count,
        sum(booked_amount) as amount,
        count(*) filter (where is_unconverted) as unconverted_count
    from {{ ref('mart_sales__deal_outcomes') }}
    group by 1, 2, 3, 4

),

by_period as (

    select
        periods.period_grain,
        periods.period_start,
        periods.is_complete_period,
        by_day.pipeline_key,
        by_day.outcome,
        by_day.last_open_stage_key,
        cast(sum(by_day.deal_count) as bigint) as deal_count,
        cast(sum(by_day.dormant_count) as bigint) as dormant_count,
        cast(sum(by_day.incomplete_history_count) as bigint) as incomplete_history_count,
        cast(coalesce(sum(by_day.amount), 0) as decimal(18, 2)) as amount,
        cast(sum(by_day.unconverted_count) as bigint) as unconverted_count
    from by_day
    inner join {{ ref('mart_metrics__periods') }} as periods on periods.calendar_date = by_day.created_date
    group by 1, 2, 3, 4, 5, 6

),

sized as (

    select
        by_period.*,
        cast(sum(deal_count) over (partition by period_grain, period_start, pipeline_key) as bigint) as created_count
    from by_period

)

select
    sized.period_grain,
    sized.period_start,
    sized.is_complete_period,
    sized.pipeline_key,
    sized.outcome,
    sized.last_open_stage_key,
    stages.stage_name as last_open_stage_name,
    sized.deal_count,
    sized.created_count,
    {{ safe_ratio('sized.deal_count', 'sized.created_count') }} as cohort_rate,
    sized.dormant_count,
    sized.incomplete_history_count,
    sized.amount as total_amount,
    sized.unconverted_count,
    '{{ var("currency") }}' as currency_code,
    'booked' as amount_basis
from sized
left join {{ ref('mart_sales__stages') }} as stages on stages.stage_key = sized.last_open_stage_key
