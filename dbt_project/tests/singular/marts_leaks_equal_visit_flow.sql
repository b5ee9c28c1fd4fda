-- What leaked from a stage is what the visit flow says was lost, deleted or merged from it.
with leaked as (

    select last_open_stage_key as stage_key, sum(leaked_count) as leaked_count
    from {{ ref('mart_sales__leakage') }}
    where period_grain = 'all' and last_open_stage_key is not null
    group by last_open_stage_key

),

flowed as (

    select stage_key, sum(lost_count + deleted_merged_count) as left_count
    from {{ ref('mart_sales__visit_flow') }}
    where period_grain = 'all'
    group by stage_key

)

select
    flowed.stage_key, flowed.left_count, leaked.leaked_count,
    'A leaving visit has no deal in mart_sales__deal_outcomes or was doubled by a join in mart_sales__leaks.' as likely_cause
from flowed
left join leaked on leaked.stage_key = flowed.stage_key
where flowed.left_count <> coalesce(leaked.leaked_count, 0)
