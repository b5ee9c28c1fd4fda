-- Every visit of any length to an open stage is in the survival curve, ended, open or of unknown beginning; its quantiles come in their order, none below what
-- the ended visits alone say, since open ones can only lengthen a stay.
with counted as (

    select
        visits.stage_key, count(*) as visits, count(case when visits.exited_at is not null then 1 end) as ended,
        count(distinct case when visits.hours_in_stage is not null and (outcomes.has_complete_history or visits.visit_number > 1) then visits.deal_key end) as deals,
        max(case when outcomes.has_complete_history or visits.visit_number > 1 then visits.hours_in_stage / 24 end) as longest_ended
    from {{ ref('fct_deal_stage_visits') }} as visits
    inner join {{ ref('mart_sales__deal_outcomes') }} as outcomes on outcomes.deal_key = visits.deal_key
    where visits.stage_kind = 'open' and not visits.is_transient
    group by 1

)

select
    coalesce(told.stage_key, counted.stage_key) as stage_key, told.stage_name, told.visit_count, counted.visits, told.median_days, told.completed_median_days,
    'A visit is missing from or doubled in the curve, or the curve is wrong: look at mart_sales__time_in_stage.' as likely_cause
from {{ ref('mart_sales__time_in_stage') }} as told
full join counted on counted.stage_key = told.stage_key
where told.stage_key is null
    or counted.stage_key is null
    or told.visit_count + told.incomplete_history_count <> counted.visits
    or told.visit_count <> told.ended_count + told.open_visit_count
    or told.ended_count > counted.ended
    or told.deal_count <> counted.deals
    or (told.ended_count > 0) <> (told.restricted_mean_days is not null)
    or told.p25_days > told.median_days
    or told.median_days > told.p75_days
    or told.p75_days > told.p90_days
    or told.median_days_low > told.median_days
    or told.median_days > told.median_days_high
    or told.p90_days > counted.longest_ended + 1e-9
    or told.restricted_mean_days > told.restricted_to_days + 1e-9
    or told.restricted_mean_days < told.mean_days - 1e-6
    or (told.open_visit_count = 0 and abs(told.restricted_mean_days - told.mean_days) > 1e-3)
