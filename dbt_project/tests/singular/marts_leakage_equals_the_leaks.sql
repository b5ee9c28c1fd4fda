-- Leakage by month is the leaks and the dormant deals counted one by one.
with periods as (

    select calendar_date, period_grain, period_start from {{ ref('mart_metrics__periods') }} where period_grain in ('month', 'all')

),

counted as (

    select
        periods.period_grain, periods.period_start, leaks.pipeline_key, leaks.last_open_stage_key, leaks.leak_group, leaks.lost_reason,
        leaks.channel, leaks.lead_direction,
        count(leaks.leak_key) as leaked_count,
        count(case when leaks.has_come_back then 1 end) as came_back_count,
        coalesce(sum({{ converted('leaks.last_amount', 'leaks.exchange_rate') }}), 0) as last_amount,
        coalesce(sum({{ converted('leaks.maximum_amount', 'leaks.exchange_rate') }}), 0) as maximum_amount,
        0 as dormant_count,
        0 as dormant_amount,
        count(case when leaks.exchange_rate is null and leaks.maximum_amount is not null then 1 end) as unconverted_count
    from {{ ref('mart_sales__leaks') }} as leaks
    inner join periods on periods.calendar_date = leaks.left_date
    group by 1, 2, 3, 4, 5, 6, 7, 8

    union all

    select
        periods.period_grain, periods.period_start, deals.pipeline_key, deals.last_open_stage_key, 'dormant', 'none', deals.channel,
        deals.lead_direction, 0, 0, 0, 0, count(deals.deal_key), coalesce(sum(deals.booked_amount), 0),
        count(case when deals.is_unconverted then 1 end)
    from {{ ref('mart_sales__deal_outcomes') }} as deals
    inner join periods on periods.calendar_date = {{ reporting_date('deals.last_sign_of_life_at') }}
    where deals.is_dormant
    group by 1, 2, 3, 4, 5, 6, 7, 8

),

told as (

    select
        leakage.period_grain, leakage.period_start, leakage.pipeline_key, leakage.last_open_stage_key, leakage.leak_group, leakage.lost_reason,
        leakage.channel, leakage.lead_direction, leakage.leaked_count, leakage.came_back_count, leakage.last_amount, leakage.maximum_amount,
        leakage.dormant_count, leakage.dormant_amount, leakage.unconverted_count
    from {{ ref('mart_sales__leakage') }} as leakage
    where leakage.period_grain in ('month', 'all')

)

select 'only in mart_sales__leakage' as where_it_stands, *, 'A leak was counted twice, in another group, or at another rate.' as likely_cause
from (select * from told except all select * from counted)
union all
select 'not in mart_sales__leakage', *, 'A leak was counted twice, in another group, or at another rate.'
from (select * from counted except all select * from told)
