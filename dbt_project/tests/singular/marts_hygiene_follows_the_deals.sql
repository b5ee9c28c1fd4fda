-- Every finding of the deals is asked of the facts anew and counted: none is missing, none is told of a deal or a stage that is tidy.
with as_of as (

    select max(warehouse_data_through) as data_through, {{ reporting_date('max(warehouse_data_through)') }} as as_of_date from {{ ref('dim_sources') }}

),

looked_up as (

    select 'past_expected_close' as finding, deals.deal_key as about_key
    from {{ ref('dim_deals') }} as deals, as_of
    where deals.deal_status = 'open' and deals.expected_close_date <= as_of.as_of_date - 1

    union all

    select 'no_next_activity', deal_key
    from {{ ref('fct_deal_versions') }}
    where is_current and deal_status = 'open'
        and deal_key not in (
            select activities.deal_key from {{ ref('fct_activities') }} as activities, as_of
            where activities.deal_key is not null and activities.happened_at > as_of.data_through and not activities.is_deleted
        )

    union all

    select 'no_amount_late', visits.deal_key
    from {{ ref('fct_deal_stage_visits') }} as visits
    inner join {{ ref('dim_deals') }} as deals on deals.deal_key = visits.deal_key
    inner join {{ ref('dim_stages') }} as stages on stages.stage_key = visits.stage_key and stages.is_current and not stages.is_deleted
    where visits.is_current and visits.stage_kind = 'open' and (deals.deal_amount is null or deals.deal_amount = 0)
        and stages.open_rank > (
            select count(*) / 2.0 from {{ ref('dim_stages') }} as others
            where others.pipeline_key = stages.pipeline_key and others.stage_kind = 'open' and others.is_current and not others.is_deleted
        )

    union all

    select 'lost_without_reason', deal_key from {{ ref('dim_deals') }} where deal_status = 'lost' and not coalesce(lost_reason similar to '.*[^ ].*', false)

    union all

    select 'waiting_stage', stage_key
    from {{ ref('dim_stages') }}
    where is_current and not is_deleted and stage_kind = 'open' and is_active_stage is false

),

told as (

    select finding, coalesce(deal_key, stage_key) as about_key from {{ ref('mart_sales__deal_hygiene') }}
    where finding not in ('won_without_presentation', 'stage_never_left')

)

select 'not in mart_sales__deal_hygiene' as where_it_stands, *, 'A finding is missing: look for a join that loses deals.' as likely_cause
from (select * from looked_up except all select * from told)
union all
select 'only in mart_sales__deal_hygiene', *, 'A deal or stage is tidy, or a finding stands twice.'
from (select * from told except all select * from looked_up)
union all
select 'beside mart_sales__touches', 'won_without_presentation', null, 'The wins without a presentation are others than those of mart_sales__touches.'
from (
    select
        (select count(*) from {{ ref('mart_sales__deal_hygiene') }}, as_of where finding = 'won_without_presentation' and since_date <= as_of_date) as found,
        (select coalesce(sum(without_presentation_count), 0) from {{ ref('mart_sales__touches') }}
            where touch_kind = 'any' and period_grain = 'year' and dimension = 'all') as counted
) as wins
where found <> counted
union all
select 'stage left after all', hygiene.finding, hygiene.stage_key, 'A deal left the stage within three months.'
from {{ ref('mart_sales__deal_hygiene') }} as hygiene
cross join as_of
inner join {{ ref('fct_deal_stage_visits') }} as visits on visits.stage_key = hygiene.stage_key
where hygiene.finding = 'stage_never_left' and visits.entered_at <= as_of.data_through
    and {{ reporting_date('visits.exited_at') }} > as_of.as_of_date - interval 3 month
