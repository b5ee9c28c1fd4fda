-- Stage conversion over all time, counted deal by deal: of those who entered a stage, who went beyond it; of those created, who came as far.
with deals as (

    select * from {{ ref('mart_sales__deal_outcomes') }}

),

visits as (

    select visits.*, stages.open_rank as rank_now
    from {{ ref('fct_deal_stage_visits') }} as visits
    left join (select * from {{ ref('dim_stages') }} where is_current) as stages on stages.stage_key = visits.stage_key

),

entries as (

    select
        visits.stage_key,
        visits.pipeline_key,
        deals.has_complete_history,
        deals.deal_status,
        visits.exit_kind in ('advanced', 'skipped_ahead', 'won') or exists (
            select 1 from visits as later
            where later.deal_key = visits.deal_key and later.visit_number > visits.visit_number
                and (later.stage_kind = 'won' or (later.pipeline_key = visits.pipeline_key and later.rank_now > visits.rank_now))
        ) as is_beyond
    from visits
    inner join deals on deals.deal_key = visits.deal_key
    where visits.stage_kind = 'open'
    qualify row_number() over (partition by visits.deal_key, visits.stage_key order by visits.visit_number) = 1

),

counted as (

    select
        'stage_entry' as cohort_kind, 'reached_beyond' as counting, pipeline_key, stage_key,
        count(case when has_complete_history then 1 end) as cohort_count,
        count(case when has_complete_history and is_beyond then 1 end) as converted_count,
        count(case when has_complete_history and deal_status = 'open' and is_beyond is distinct from true then 1 end) as open_count,
        count(case when has_complete_history then null else 1 end) as incomplete_history_count
    from entries
    group by 1, 2, 3, 4

    union all

    select
        'created', 'implied_reached', stages.pipeline_key, stages.stage_key,
        count(case when deals.has_complete_history then 1 end),
        count(case when deals.has_complete_history and deals.furthest_rank >= stages.open_rank then 1 end),
        count(case when deals.has_complete_history and deals.deal_status = 'open' and deals.furthest_rank < stages.open_rank then 1 end),
        count(case when not deals.has_complete_history then 1 end)
    from {{ ref('dim_stages') }} as stages
    inner join deals on deals.created_pipeline_key = stages.pipeline_key
    where stages.is_current and not stages.is_deleted and stages.stage_kind = 'open' and stages.open_rank is not null
    group by 1, 2, 3, 4

    union all

    select
        'created', 'implied_reached', created_pipeline_key, null,
        count(case when has_complete_history then 1 end),
        count(case when has_complete_history and deal_status = 'won' and pipeline_key = created_pipeline_key then 1 end),
        count(case when has_complete_history and deal_status = 'open' then 1 end),
        count(case when not has_complete_history then 1 end)
    from deals
    group by 1, 2, 3, 4

    union all

    select
        'created', 'touched', stages.pipeline_key, stages.stage_key,
        count(case when deals.has_complete_history then 1 end),
        count(case when deals.has_complete_history and stood.deal_key is not null then 1 end),
        count(case when deals.has_complete_history and deals.deal_status = 'open' and stood.deal_key is null then 1 end),
        count(case when not deals.has_complete_history then 1 end)
    from {{ ref('dim_stages') }} as stages
    inner join deals on deals.created_pipeline_key = stages.pipeline_key
    left join (select distinct deal_key, stage_key from visits where stage_kind = 'open') as stood
        on stood.deal_key = deals.deal_key and stood.stage_key = stages.stage_key
    where stages.is_current and not stages.is_deleted and stages.stage_kind = 'open' and stages.open_rank is not null
    group by 1, 2, 3, 4

),

told as (

    select cohort_kind, counting, pipeline_key, stage_key, cohort_count, converted_count, open_count, incomplete_history_count
    from {{ ref('mart_sales__stage_conversion_by_cohort') }}
    where period_grain = 'all'

)

select 'only in mart_sales__stage_conversion_by_cohort' as where_it_stands, *, 'A deal was counted as gone beyond a stage that it did not pass, or is missing.' as likely_cause
from (select * from told except all select * from counted)
union all
select 'not in mart_sales__stage_conversion_by_cohort', *, 'A deal was counted as gone beyond a stage that it did not pass, or is missing.'
from (select * from counted except all select * from told)
