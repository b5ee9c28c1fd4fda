-- created = won + lost by last open stage + deleted + merged + open, for every period grain; the cohorts are those of the created win rate.
with parts as (

    select period_grain, period_start, cast(pipeline_key as varchar) as pipeline, sum(deal_count) as deal_count,
        sum(deal_count) filter (where outcome = 'won') as won_count, max(created_count) as created_count
    from {{ ref('mart_sales__cohort_partition') }}
    group by 1, 2, 3

),

created as (

    select period_grain, period_start, dimension_key as pipeline, created_count, created_won_count
    from {{ ref('mart_sales__win_rates') }}
    where dimension = 'pipeline' and created_count > 0

),

totals as (

    select period_grain, sum(deal_count) as deal_count
    from parts
    group by period_grain

)

select
    coalesce(parts.period_grain, created.period_grain) as period_grain,
    coalesce(parts.period_start, created.period_start) as period_start,
    coalesce(parts.pipeline, created.pipeline) as pipeline_key,
    parts.deal_count, created.created_count, parts.won_count, created.created_won_count,
    'A deal is in two outcomes or in none: look at the outcome of the cohort in mart_sales__deal_outcomes.' as likely_cause
from parts
full join created
    on created.period_grain = parts.period_grain and created.period_start = parts.period_start and created.pipeline = parts.pipeline
where parts.deal_count is distinct from created.created_count
    or parts.deal_count <> parts.created_count
    or coalesce(parts.won_count, 0) is distinct from created.created_won_count

union all

select
    totals.period_grain, null, null, totals.deal_count, deals.deal_count, null, null,
    'Deals are missing from a period grain: they were created outside the calendar (after the as-of or before dim_dates begins).'
from totals
cross join (select count(*) as deal_count from {{ ref('dim_deals') }}) as deals
where totals.deal_count <> deals.deal_count
