-- After every instant at which a deal's stage, pipeline or status changed, it is in the visit that the last such changes name, and in none
-- once it is deleted or merged. Asked of the deals with news.
with news as (

    select load_number from {{ ref('int_crm__loads') }} where run_id = (select max(run_id) from {{ ref('int_crm__loads') }})

),

changes as (

    select deal_key, field, old_value, new_value, changed_at, sequence, _record_number
    from {{ ref('fct_deal_changes') }}
    where field in ('stage', 'pipeline', 'status') and retracted_at is null
        and deal_key in (select deal_key from {{ ref('fct_deal_changes') }} where _load_number >= (select min(load_number) from news))

),

instants as (

    select distinct deal_key, changed_at from changes

),

-- Within an instant the creation comes first, whatever number the source gave it.
in_force as (

    select
        instants.deal_key, instants.changed_at,
        max_by(changes.new_value, (changes.changed_at, changes.old_value is not null, changes.sequence, changes._record_number))
            filter (where changes.field = 'stage') as stage_id,
        max_by(changes.new_value, (changes.changed_at, changes.old_value is not null, changes.sequence, changes._record_number))
            filter (where changes.field = 'pipeline') as pipeline_id,
        max_by(changes.new_value, (changes.changed_at, changes.old_value is not null, changes.sequence, changes._record_number))
            filter (where changes.field = 'status') as status
    from instants
    inner join changes on changes.deal_key = instants.deal_key and changes.changed_at <= instants.changed_at
    group by instants.deal_key, instants.changed_at

)

select
    in_force.deal_key, in_force.changed_at, in_force.status, in_force.pipeline_id, in_force.stage_id, visits.visit_key,
    'A move was lost, misplaced or paired with the wrong change of pipeline between fct_deal_changes and fct_deal_stage_visits.' as likely_cause
from in_force
left join {{ ref('fct_deal_stage_visits') }} as visits
    on visits.deal_key = in_force.deal_key and visits.entered_at <= in_force.changed_at
    and coalesce(visits.exited_at, {{ end_of_time() }}) > in_force.changed_at
left join {{ ref('dim_stages') }} as stages on stages.stage_key = visits.stage_key and stages.is_current
where
    (coalesce(in_force.status, 'live') = 'live' and in_force.stage_id is not null) <> (visits.visit_key is not null)
    or (visits.visit_key is not null and stages.source_stage_id is distinct from in_force.stage_id)
    or (visits.visit_key is not null and stages.source_pipeline_id is distinct from in_force.pipeline_id)
