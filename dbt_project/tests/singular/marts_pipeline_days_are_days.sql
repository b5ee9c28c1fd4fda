-- The daily pipeline has no day after the as-of, and each of its rows the pipeline of its stage; every deal that stands open was put there once.
select
    daily.calendar_date, daily.stage_key, daily.pipeline_key, daily.open_count,
    'A day lies after the as-of, or a stage has another pipeline than its own: look at mart_sales__pipeline_daily.' as likely_cause
from {{ ref('mart_sales__pipeline_daily') }} as daily
left join (select * from {{ ref('dim_stages') }} where is_current) as stages on stages.stage_key = daily.stage_key
where daily.calendar_date > (select {{ reporting_date('max(warehouse_data_through)') }} from {{ ref('dim_sources') }})
    or daily.pipeline_key is distinct from stages.pipeline_key
    or daily.open_count < 1
union all
select
    null, coalesce(moved.stage_key, standing.stage_key), null, moved.open_count,
    'The changes of all days do not add up to the deals that stand in the stage: look at mart_sales__pipeline_changes_daily.'
from (
    select stage_key, sum(count_delta) as open_count
    from {{ ref('mart_sales__pipeline_changes_daily') }}
    group by stage_key
) as moved
full join (
    select stage_key, count(*) as open_count
    from {{ ref('fct_deal_stage_visits') }}
    where is_current and stage_kind = 'open'
    group by stage_key
) as standing on standing.stage_key = moved.stage_key
where coalesce(moved.open_count, 0) <> coalesce(standing.open_count, 0)
