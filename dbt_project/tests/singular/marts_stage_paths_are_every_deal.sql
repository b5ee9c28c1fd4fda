-- The ways of a pipeline are walked by all its deals with a complete history, each by one way; their wins and closes are those of the deals.
with counted as (

    select
        created_pipeline_key as pipeline_key,
        count(case when has_complete_history then 1 end) as deals,
        count(case when has_complete_history and deal_status = 'won' then 1 end) as won,
        count(case when has_complete_history and deal_status in ('won', 'lost') then 1 end) as closed
    from {{ ref('mart_sales__deal_outcomes') }}
    -- of a deal that was never seen in any stage no way is known
    where deal_key in (select deal_key from {{ ref('fct_deal_stage_visits') }})
    group by 1

),

told as (

    select
        pipeline_key, sum(deal_count) as deals, sum(won_count) as won, sum(closed_count) as closed, max(pipeline_deal_count) as pipeline_deals,
        sum(case when is_remainder then 1 else 0 end) as remainders, count(*) as ways,
        sum(case when not is_remainder and path_count <> 1 then 1 else 0 end) as doubled
    from {{ ref('mart_sales__stage_paths') }}
    group by 1

)

select
    coalesce(told.pipeline_key, counted.pipeline_key) as pipeline_key, told.deals, counted.deals as deals_created,
    'A deal walks two ways or none: look at mart_sales__stage_paths.' as likely_cause
from told
full join counted on counted.pipeline_key = told.pipeline_key
where coalesce(told.deals, 0) <> counted.deals
    or told.pipeline_deals <> counted.deals
    or coalesce(told.won, 0) <> counted.won
    or coalesce(told.closed, 0) <> counted.closed
    or told.remainders > 1
    or told.ways > 21
    or told.doubled > 0
