with as_of as (

    select max(warehouse_data_through) as data_through, {{ reporting_date('max(warehouse_data_through)') }} as as_of_date
    from {{ ref('dim_sources') }}

),

open_stages as (

    select *, count(*) over (partition by pipeline_key) as open_stage_count
    from {{ ref('mart_sales__stages') }}
    where stage_kind = 'open' and not is_deleted

),

planned as (

    select distinct activities.deal_key
    from {{ ref('fct_activities') }} as activities
    cross join as_of
    where activities.deal_key is not null and not activities.is_deleted and activities.happened_at > as_of.data_through

),

-- the three months up to the as-of: who stood in a stage, and who left it
quarter as (

    select
        visits.stage_key,
        max(case when {{ reporting_date('visits.exited_at') }} > as_of.as_of_date - interval 3 month then 1 else 0 end) as was_left,
        min(visits.entered_at) as first_entered_at,
        count(*) filter (where visits.is_current) as standing_count
    from {{ ref('fct_deal_stage_visits') }} as visits
    cross join as_of
    where visits.stage_kind = 'open' and visits.entered_at <= as_of.data_through
    group by visits.stage_key

),

untidy_deals as (

    select 'past_expected_close' as finding, deals.deal_key, cast(null as {{ key_type() }}) as finding_stage_key, deals.expected_close_date as since_date
    from {{ ref('dim_deals') }} as deals
    cross join as_of
    where deals.deal_status = 'open' and deals.expected_close_date < as_of.as_of_date

    union all

    select 'no_next_activity', outcomes.deal_key, null, {{ reporting_date('outcomes.last_sign_of_life_at') }}
    from {{ ref('mart_sales__deal_outcomes') }} as outcomes
    left join planned on planned.deal_key = outcomes.deal_key
    where outcomes.deal_status = 'open' and planned.deal_key is null

    union all

    -- in the second half of the open stages somebody should know what it is about
    select 'no_amount_late', deals.deal_key, null, cast(null as date)
    from {{ ref('dim_deals') }} as deals
    inner join open_stages on open_stages.stage_key = deals.stage_key
    where deals.deal_status = 'open' and coalesce(deals.deal_amount, 0) = 0 and 2 * open_stages.open_rank > open_stages.open_stage_count

    union all

    select 'lost_without_reason', deal_key, null, {{ reporting_date('closed_at') }}
    from {{ ref('dim_deals') }}
    where deal_status = 'lost' and coalesce(trim(lost_reason), '') = ''

    union all

    select 'won_without_presentation', closes.deal_key, null, closes.closed_date
    from {{ ref('mart_sales__closes') }} as closes
    left join {{ ref('mart_sales__deal_touches') }} as touches on touches.deal_key = closes.deal_key
    where closes.close_group = 'won' and not closes.is_removed and coalesce(touches.first_presentation_at > closes.closed_at, true)

),

found as (

    select finding, deal_key, finding_stage_key, since_date from untidy_deals

    union all

    select 'waiting_stage', null, stage_key, cast(null as date) from open_stages where not is_active_stage

    union all

    select 'stage_never_left', null, open_stages.stage_key, {{ reporting_date('quarter.first_entered_at') }}
    from open_stages
    inner join quarter on quarter.stage_key = open_stages.stage_key
    cross join as_of
    where quarter.was_left = 0 and {{ reporting_date('quarter.first_entered_at') }} <= as_of.as_of_date - interval 3 month and quarter.standing_count > 0

)

select
    {{ hashed_key("found.finding || '|' || cast(coalesce(found.deal_key, found.finding_stage_key) as varchar)") }} as finding_key,
    found.finding,
    found.deal_key,
    deals.source_system,
    deals.source_deal_id,
    deals.crm_url,
    coalesce(deals.pipeline_key, stages.pipeline_key) as pipeline_key,
    coalesce(found.finding_stage_key, deals.stage_key) as stage_key,
    stages.stage_name,
    deals.owner_key,
    found.since_date,
    cast(as_of.as_of_date - found.since_date as bigint) as since_days,
    case when found.deal_key is null then coalesce(quarter.standing_count, 0) else 1 end as deal_count,
    deals.booked_amount,
    '{{ var("currency") }}' as currency_code,
    'booked' as amount_basis
from found
cross join as_of
left join {{ ref('dim_deals') }} as deals on deals.deal_key = found.deal_key
left join {{ ref('mart_sales__stages') }} as stages on stages.stage_key = coalesce(found.finding_stage_key, deals.stage_key)
left join quarter on quarter.stage_key = found.finding_stage_key
