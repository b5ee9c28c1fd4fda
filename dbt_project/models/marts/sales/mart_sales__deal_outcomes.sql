with as_of as (

    select max(warehouse_data_through) as data_through
    from {{ ref('dim_sources') }}

),

first_visits as (

    select deal_key, pipeline_key, stage_key, stage_kind, open_rank, owner_key
    from {{ ref('fct_deal_stage_visits') }}
    where visit_number = 1

),

-- a deal lives in one pipeline, rarely two: the furthest place belongs to the pipeline it was created in
journeys as (

    select
        visits.deal_key,
        any_value(firsts.pipeline_key) as created_pipeline_key,
        coalesce(max(case when visits.pipeline_key = firsts.pipeline_key then stages.open_rank end), 0) as furthest_rank,
        any_value(firsts.stage_key) as created_stage_key,
        any_value(firsts.stage_kind) as created_stage_kind,
        any_value(coalesce(firsts.open_rank, 0)) as created_rank,
        any_value(firsts.owner_key) as created_owner_key,
        max(visits.entered_at) as last_entered_at,
        max_by(visits.stage_key, visits.visit_number) filter (where visits.stage_kind = 'open') as last_open_stage_key,
        max(case when visits.stage_kind <> 'lost' then visits.visit_number end) as last_live_visit_number,
        max(case when visits.stage_kind = 'won' then visits.visit_number end) as last_won_visit_number
    from {{ ref('fct_deal_stage_visits') }} as visits
    inner join first_visits as firsts on firsts.deal_key = visits.deal_key
    left join {{ ref('mart_sales__stages') }} as stages on stages.stage_key = visits.stage_key
    group by visits.deal_key

),

last_activities as (

    select activities.deal_key, max(activities.happened_at) as last_activity_at
    from {{ ref('fct_activities') }} as activities
    cross join as_of
    where activities.deal_key is not null
        and not activities.is_deleted
        and activities.happened_at <= as_of.data_through  -- a task due tomorrow is no sign of life
    group by activities.deal_key

),

lives as (

    select
        journeys.*,
        greatest(journeys.last_entered_at, coalesce(last_activities.last_activity_at, journeys.last_entered_at))
            as last_sign_of_life_at
    from journeys
    left join last_activities on last_activities.deal_key = journeys.deal_key

)

select
    deals.deal_key,
    deals.source_system,
    deals.source_deal_id,
    deals.crm_url,
    deals.deal_status,
    case when deals.deal_status = 'lost' then coalesce(deals.lost_group, 'lost') else deals.deal_status end as outcome,
    deals.created_at,
    {{ reporting_date('deals.created_at') }} as created_date,
    coalesce(deals.left_at, deals.closed_at) as outcome_at,
    {{ reporting_date('coalesce(deals.left_at, deals.closed_at)') }} as outcome_date,
    deals.pipeline_key,
    coalesce(lives.created_pipeline_key, deals.pipeline_key) as created_pipeline_key,
    coalesce(lives.created_stage_key, deals.stage_key) as created_stage_key,
    lives.last_open_stage_key,
    coalesce(lives.furthest_rank, 0) as furthest_rank,
    coalesce(lives.created_stage_kind = 'open' and lives.created_rank <> 1, false) as is_mid_funnel_entry,
    coalesce(lives.created_stage_kind <> 'open', false) as is_created_closed,
    deals.history_complete_from <= deals.created_at as has_complete_history,
    lives.last_live_visit_number,
    lives.last_won_visit_number,
    coalesce(lives.created_owner_key, deals.owner_key) as created_owner_key,
    deals.owner_key,
    coalesce(deals.channel, 'unknown') as channel,
    coalesce(deals.lead_direction, 'unknown') as lead_direction,
    coalesce(deals.product_line, 'unknown') as product_line,
    {{ company_size('companies.employee_count') }} as company_size,
    coalesce(companies.country, 'unknown') as country,
    deals.lost_reason,
    deals.lost_group,
    deals.booked_amount,
    deals.deal_amount is not null and deals.booked_amount is null as is_unconverted,
    leads.created_at as lead_created_at,
    lives.last_sign_of_life_at,
    stages.p90_days_to_leave as dormant_after_days,
    coalesce(
        deals.deal_status = 'open'
        and {{ hours_between('lives.last_sign_of_life_at', 'as_of.data_through') }} / 24 > stages.p90_days_to_leave,
        false
    ) as is_dormant
from {{ ref('dim_deals') }} as deals
cross join as_of
left join lives on lives.deal_key = deals.deal_key
left join {{ ref('mart_sales__stages') }} as stages on stages.stage_key = deals.stage_key
left join {{ ref('dim_leads') }} as leads on leads.lead_key = deals.lead_key
left join {{ ref('dim_companies') }} as companies on companies.company_key = deals.company_key
