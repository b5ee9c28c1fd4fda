-- Every standing change to marketing-qualified of a live lead is one offer; what sales said of it is said once, in every grain and dimension.
with offers as (

    select count(*) as offered_count
    from {{ ref('fct_lead_status_changes') }} as changes
    inner join {{ ref('dim_leads') }} as leads on leads.lead_key = changes.lead_key
    where changes.hand_off_outcome = 'offered' and changes.retracted_at is null and not leads.is_deleted

),

told as (

    select
        period_grain, dimension,
        sum(offered_count) as offered_count,
        sum(accepted_count + rejected_count + recycled_count + undecided_count) as decided_count,
        max(on_time_count - touched_count) as too_many_on_time,
        max(waiting_count + touched_count - offered_count) as too_many_waiting
    from {{ ref('mart_marketing__hand_offs') }}
    group by period_grain, dimension

)

select
    told.*, offers.offered_count as offers_in_core,
    'An offer is lost or doubled between fct_lead_status_changes and the marts, or has two outcomes.' as likely_cause
from told
cross join offers
where told.offered_count <> offers.offered_count or told.decided_count <> told.offered_count or told.too_many_on_time > 0 or told.too_many_waiting > 0
