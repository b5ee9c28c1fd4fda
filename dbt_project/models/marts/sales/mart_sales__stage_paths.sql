-- a removed deal says so in its way; a restored one goes on behind that
with paths as (

    select
        visits.deal_key,
        {{ listed_in_order(
            "coalesce(stages.stage_name, 'unknown') || case when visits.exit_kind in ('deleted', 'merged') then ' > ' || visits.exit_kind else '' end", 'visits.visit_number'
        ) }} as path
    from {{ ref('fct_deal_stage_visits') }} as visits
    -- a stage that nobody lists was stood in all the same
    left join {{ ref('mart_sales__stages') }} as stages on stages.stage_key = visits.stage_key
    group by visits.deal_key

),

deals as (

    select
        outcomes.created_pipeline_key as pipeline_key,
        outcomes.has_complete_history,
        outcomes.deal_status,
        paths.path,
        case when outcomes.deal_status in ('won', 'lost')
            then {{ hours_between('outcomes.created_at', 'outcomes.outcome_at') }} / 24 end as days_to_close
    from {{ ref('mart_sales__deal_outcomes') }} as outcomes
    inner join paths on paths.deal_key = outcomes.deal_key

),

counted as (

    select pipeline_key, path, count(*) as deal_count
    from deals
    where has_complete_history
    group by pipeline_key, path

),

ranked as (

    select *, row_number() over (partition by pipeline_key order by deal_count desc, path) as path_rank
    from counted

),

totals as (

    select
        pipeline_key,
        count(*) filter (where has_complete_history) as pipeline_deal_count,
        count(*) filter (where not has_complete_history) as incomplete_history_count
    from deals
    group by pipeline_key

),

-- the twenty most travelled ways of a pipeline, and one row for all the others
summed as (

    select
        deals.pipeline_key,
        case when ranked.path_rank <= 20 then ranked.path_rank end as path_rank,
        case when ranked.path_rank <= 20 then deals.path else 'other paths' end as path,
        count(distinct deals.path) as path_count,
        count(*) as deal_count,
        count(*) filter (where deals.deal_status = 'won') as won_count,
        count(*) filter (where deals.deal_status in ('won', 'lost')) as closed_count,
        {{ quantile('deals.days_to_close', '0.5') }} as median_days
    from deals
    inner join ranked on ranked.pipeline_key = deals.pipeline_key and ranked.path = deals.path
    where deals.has_complete_history
    group by 1, 2, 3

)

select
    summed.pipeline_key,
    pipelines.pipeline_name,
    summed.path,
    cast(summed.path_rank as bigint) as path_rank,
    summed.path_rank is null as is_remainder,
    summed.path_count,
    summed.deal_count,
    totals.pipeline_deal_count,
    {{ safe_ratio('summed.deal_count', 'totals.pipeline_deal_count') }} as path_share,
    summed.won_count,
    summed.closed_count,
    {{ safe_ratio('summed.won_count', 'summed.closed_count') }} as win_rate,
    {{ wilson_low('summed.won_count', 'summed.closed_count') }} as win_rate_low,
    {{ wilson_high('summed.won_count', 'summed.closed_count') }} as win_rate_high,
    summed.median_days,
    totals.incomplete_history_count
from summed
inner join totals on totals.pipeline_key = summed.pipeline_key
left join {{ ref('dim_pipelines') }} as pipelines on pipelines.pipeline_key = summed.pipeline_key
