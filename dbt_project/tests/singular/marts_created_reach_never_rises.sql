-- Implied reach never rises from one stage of a pipeline to the next, and at the end to won.
with reached as (

    select
        period_grain, period_start, pipeline_key, stage_key, stage_name, stage_kind, converted_count,
        lag(converted_count) over (
            partition by period_grain, period_start, pipeline_key
            order by case when stage_kind = 'won' then 1 else 0 end, open_rank
        ) as before_count
    from {{ ref('mart_sales__stage_conversion_by_cohort') }}
    where counting = 'implied_reached'

)

select
    *,
    'Two stages share a place in the pipeline, or a stage was compared on an old order: look at open_rank in mart_sales__stages.' as likely_cause
from reached
where converted_count > before_count
