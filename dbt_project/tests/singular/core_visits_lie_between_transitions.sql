-- A visit begins with its own transition and ends with the deal's next one; every transition that leads somewhere has its visit.
with transitions as (

    select * from {{ ref('fct_deal_stage_transitions') }}

)

select
    coalesce(visits.visit_key, entry.transition_key) as visit_key, coalesce(visits.deal_key, entry.deal_key) as deal_key, visits.visit_number,
    'The visit tells its beginning or end otherwise than the transitions there do: look at fct_deal_stage_visits.' as likely_cause
from (select * from transitions where to_stage_key is not null) as entry
full join {{ ref('fct_deal_stage_visits') }} as visits on visits.visit_key = entry.transition_key
left join transitions as leaving on leaving.deal_key = entry.deal_key and leaving.transition_number = entry.transition_number + 1
where
    visits.visit_key is null
    or entry.transition_key is null
    or visits.deal_key <> entry.deal_key
    or visits.pipeline_key <> entry.to_pipeline_key
    or visits.stage_key <> entry.to_stage_key
    or visits.stage_kind <> entry.to_stage_kind
    or visits.open_rank is distinct from entry.to_open_rank
    or visits.entered_at <> entry.transitioned_at
    or visits.entry_kind <> entry.transition_kind
    or visits.entry_amount is distinct from entry.deal_amount
    or visits.currency_code is distinct from entry.currency_code
    or visits.owner_key <> entry.owner_key
    or visits.is_transient <> entry.is_transient
    or visits.exited_at is distinct from leaving.transitioned_at
    or visits.is_current <> (leaving.transition_key is null)
    or visits.exit_kind is distinct from leaving.transition_kind
    or visits.exit_amount is distinct from leaving.deal_amount
    or visits.exit_currency_code is distinct from leaving.currency_code
    or (visits.hours_in_stage is null) <> (visits.exited_at is null)
    or abs(visits.hours_in_stage - (epoch(visits.exited_at) - epoch(visits.entered_at)) / 3600) > 1e-6
union all
select visit_key, deal_key, visit_number, 'Visits of a deal, or to one stage, are not numbered from 1 without a gap.'
from {{ ref('fct_deal_stage_visits') }}
qualify
    visit_number <> count(*) over (partition by deal_key order by entered_at, visit_number rows unbounded preceding)
    or stage_visit_number <> count(*) over (partition by deal_key, stage_key order by visit_number rows unbounded preceding)
