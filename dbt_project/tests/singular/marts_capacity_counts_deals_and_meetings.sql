-- Active deals and meetings of the last complete day of a week, counted one by one; a rate is null where there is nothing to divide by.
-- What is dated after the as-of counts on its day.
with as_of as (

    select {{ reporting_date('max(warehouse_data_through)') }} as as_of_date from {{ ref('dim_sources') }}

),

weeks as (

    select period_start as week_start, max(calendar_date) as last_date
    from {{ ref('mart_metrics__periods') }}
    where period_grain = 'week'
    group by 1

),

standing as (

    select weeks.week_start, versions.owner_key, count(*) as deals
    from {{ ref('fct_deal_versions') }} as versions
    cross join as_of
    inner join weeks on least(versions.valid_from_date, as_of.as_of_date) <= weeks.last_date
        and (versions.valid_to_date is null or least(versions.valid_to_date, as_of.as_of_date) > weeks.last_date)
    inner join {{ ref('dim_stages') }} as stages on stages.stage_key = versions.stage_key and stages.is_current and stages.is_active_stage
    where versions.deal_status = 'open'
    group by 1, 2

),

met as (

    select cast(date_trunc('week', {{ reporting_date('happened_at') }}) as date) as week_start, owner_key, count(*) as meetings
    from {{ ref('fct_activities') }}
    where activity_type = 'meeting' and not is_deleted and not is_automated
    group by 1, 2

)

select
    coalesce(told.week_start, standing.week_start, met.week_start) as week_start, told.owner_name, told.active_deal_count, standing.deals, told.meeting_count, met.meetings,
    'A deal or a meeting counts for another seller or week, or not at all: look at mart_sales__capacity.' as likely_cause
from {{ ref('mart_sales__capacity') }} as told
full join standing on standing.week_start = told.week_start and standing.owner_key = told.owner_key
full join met on met.week_start = told.week_start and met.owner_key = told.owner_key
where told.week_start is null
    or (told.active_deal_count is not null and told.active_deal_count <> coalesce(standing.deals, 0))
    or told.meeting_count <> coalesce(met.meetings, 0)
    or (told.active_deal_rate is not null and abs(told.active_deal_rate * told.active_deal_capacity - told.active_deal_count) > 1e-6)
    or ((told.active_deal_rate is null or told.meeting_rate is null) and told.missing_reason is null)
