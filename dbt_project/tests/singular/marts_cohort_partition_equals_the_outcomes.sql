-- The deals created on every day, counted one by one by what became of them.
with counted as (

    select
        created_date as period_start, created_pipeline_key as pipeline_key, outcome,
        case when outcome in ('lost', 'disqualified', 'no_decision') then last_open_stage_key end as last_open_stage_key,
        count(deal_key) as deal_count,
        sum(case when is_dormant then 1 else 0 end) as dormant_count,
        sum(case when has_complete_history then 0 else 1 end) as incomplete_history_count,
        sum(coalesce(booked_amount, 0)) as total_amount,
        sum(case when is_unconverted then 1 else 0 end) as unconverted_count
    from {{ ref('mart_sales__deal_outcomes') }}
    group by 1, 2, 3, 4

),

told as (

    select period_start, pipeline_key, outcome, last_open_stage_key, deal_count, dormant_count, incomplete_history_count, total_amount, unconverted_count
    from {{ ref('mart_sales__cohort_partition') }}
    where period_grain = 'day'

)

select 'only in mart_sales__cohort_partition' as where_it_stands, *, 'A deal was counted twice, on another day or as another outcome.' as likely_cause
from (select * from told except all select * from counted)
union all
select 'not in mart_sales__cohort_partition', *, 'A deal was counted twice, on another day or as another outcome.'
from (select * from counted except all select * from told)
