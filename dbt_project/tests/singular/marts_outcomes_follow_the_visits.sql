-- One row per deal, and what it says of the deal's way is what the deal's visits say one by one.
with visits as (

    select visits.*, stages.open_rank as rank_now
    from {{ ref('fct_deal_stage_visits') }} as visits
    left join (select * from {{ ref('dim_stages') }} where is_current) as stages on stages.stage_key = visits.stage_key

),

first_visits as (

    select * from visits qualify row_number() over (partition by deal_key order by visit_number) = 1

),

last_visits as (

    select * from visits qualify row_number() over (partition by deal_key order by visit_number desc) = 1

),

last_open_visits as (

    select * from visits where stage_kind = 'open'
    qualify row_number() over (partition by deal_key order by visit_number desc) = 1

),

furthest as (

    select visits.deal_key, max(visits.rank_now) as furthest_rank
    from visits
    inner join first_visits on first_visits.deal_key = visits.deal_key and first_visits.pipeline_key = visits.pipeline_key
    group by visits.deal_key

),

signs_of_life as (

    select deal_key, max(happened_at) as last_activity_at
    from {{ ref('fct_activities') }}
    where not is_deleted and happened_at <= (select max(warehouse_data_through) from {{ ref('dim_sources') }})
    group by deal_key

)

select
    coalesce(deals.deal_key, outcomes.deal_key) as deal_key,
    case
        when outcomes.deal_key is null or deals.deal_key is null then 'the deal stands in one of the two tables only'
        when outcomes.deal_status <> deals.deal_status
            or outcomes.outcome <> case when deals.deal_status <> 'lost' then deals.deal_status else coalesce(deals.lost_group, 'lost') end
            then 'outcome'
        when outcomes.created_date <> {{ reporting_date('deals.created_at') }} then 'created_date'
        when outcomes.outcome_at is distinct from coalesce(deals.left_at, deals.closed_at)
            or outcomes.outcome_date is distinct from {{ reporting_date('coalesce(deals.left_at, deals.closed_at)') }} then 'outcome_date'
        when outcomes.created_pipeline_key <> coalesce(first_visits.pipeline_key, deals.pipeline_key)
            or outcomes.created_stage_key <> coalesce(first_visits.stage_key, deals.stage_key)
            or outcomes.created_owner_key <> coalesce(first_visits.owner_key, deals.owner_key) then 'where it was created, and by whom'
        when outcomes.furthest_rank <> coalesce(furthest.furthest_rank, 0) then 'furthest_rank'
        when outcomes.last_open_stage_key is distinct from last_open_visits.stage_key then 'last_open_stage_key'
        when outcomes.is_created_closed <> (coalesce(first_visits.stage_kind, 'open') <> 'open') then 'is_created_closed'
        when outcomes.is_mid_funnel_entry
            <> (coalesce(first_visits.stage_kind, '') = 'open' and coalesce(first_visits.open_rank, 0) <> 1) then 'is_mid_funnel_entry'
        when outcomes.has_complete_history <> (deals.history_complete_from <= deals.created_at) then 'has_complete_history'
        when outcomes.is_unconverted <> (deals.deal_amount is not null and deals.booked_amount is null) then 'is_unconverted'
        when outcomes.channel <> coalesce(deals.channel, 'unknown')
            or outcomes.lead_direction <> coalesce(deals.lead_direction, 'unknown') then 'channel or direction'
        when outcomes.lead_created_at is distinct from leads.created_at then 'lead_created_at'
        when outcomes.last_sign_of_life_at is distinct from
            case when signs_of_life.last_activity_at > last_visits.entered_at then signs_of_life.last_activity_at else last_visits.entered_at end
            then 'last_sign_of_life_at'
        when outcomes.dormant_after_days is distinct from stages.p90_days_to_leave
            or outcomes.is_dormant <> coalesce(
                deals.deal_status = 'open'
                and epoch(sources.data_through) - epoch(outcomes.last_sign_of_life_at) > 86400 * stages.p90_days_to_leave, false)
            then 'is_dormant'
        when outcomes.last_live_visit_number is distinct from (
            select max(visits.visit_number) from visits where visits.deal_key = outcomes.deal_key and visits.stage_kind in ('open', 'won')
        ) then 'last_live_visit_number'
        when outcomes.last_won_visit_number is distinct from (
            select max(visits.visit_number) from visits where visits.deal_key = outcomes.deal_key and visits.stage_kind = 'won'
        ) then 'last_won_visit_number'
    end as wrong_column,
    'mart_sales__deal_outcomes tells the deal''s way otherwise than its visits and its record do: look at what the wrong column is made of.' as likely_cause
from {{ ref('dim_deals') }} as deals
full join {{ ref('mart_sales__deal_outcomes') }} as outcomes on outcomes.deal_key = deals.deal_key
left join first_visits on first_visits.deal_key = deals.deal_key
left join last_visits on last_visits.deal_key = deals.deal_key
left join last_open_visits on last_open_visits.deal_key = deals.deal_key
left join furthest on furthest.deal_key = deals.deal_key
left join signs_of_life on signs_of_life.deal_key = deals.deal_key
left join {{ ref('dim_leads') }} as leads on leads.lead_key = deals.lead_key
left join {{ ref('mart_sales__stages') }} as stages on stages.stage_key = deals.stage_key
cross join (select max(warehouse_data_through) as data_through from {{ ref('dim_sources') }}) as sources
where wrong_column is not null
