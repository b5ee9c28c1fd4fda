with by_day as (

    select
        left_date as calendar_date, pipeline_key, last_open_stage_key, leak_group, lost_reason, channel, lead_direction,
        count(*) as leaked_count,
        count(*) filter (where has_come_back) as came_back_count,
        sum({{ converted('last_amount', 'exchange_rate') }}) as last_amount,
        sum({{ converted('maximum_amount', 'exchange_rate') }}) as maximum_amount,
        count(*) filter (where exchange_rate is null and coalesce(last_amount, maximum_amount) is not null) as unconverted_count,
        0 as dormant_count,
        cast(null as decimal(18, 2)) as dormant_amount
    from {{ ref('mart_sales__leaks') }}
    group by 1, 2, 3, 4, 5, 6, 7

    union all

    -- dormant deals have not left: rows and columns of their own, in the period of their last sign of life
    select
        {{ reporting_date('last_sign_of_life_at') }}, pipeline_key, last_open_stage_key, 'dormant', 'none', channel,
        lead_direction, 0, 0, null, null, count(*) filter (where is_unconverted), count(*), sum(booked_amount)
    from {{ ref('mart_sales__deal_outcomes') }}
    where is_dormant
    group by 1, 2, 3, 4, 5, 6, 7

)

select
    periods.period_grain,
    periods.period_start,
    periods.is_complete_period,
    by_day.pipeline_key,
    by_day.last_open_stage_key,
    stages.stage_name as last_open_stage_name,
    stages.stage_order,
    by_day.leak_group,
    by_day.lost_reason,
    by_day.channel,
    by_day.lead_direction,
    cast(sum(by_day.leaked_count) as bigint) as leaked_count,
    cast(sum(by_day.came_back_count) as bigint) as came_back_count,
    cast(coalesce(sum(by_day.last_amount), 0) as decimal(18, 2)) as last_amount,
    cast(coalesce(sum(by_day.maximum_amount), 0) as decimal(18, 2)) as maximum_amount,
    cast(sum(by_day.dormant_count) as bigint) as dormant_count,
    cast(coalesce(sum(by_day.dormant_amount), 0) as decimal(18, 2)) as dormant_amount,
    cast(sum(by_day.unconverted_count) as bigint) as unconverted_count,
    '{{ var("currency") }}' as currency_code,
    'booked' as amount_basis
from by_day
inner join {{ ref('mart_metrics__periods') }} as periods on periods.calendar_date = by_day.calendar_date
left join {{ ref('mart_sales__stages') }} as stages on stages.stage_key = by_day.last_open_stage_key
where periods.period_grain <> 'day'
group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
