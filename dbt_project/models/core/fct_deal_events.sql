{{ config(materialized='ephemeral', contract={'enforced': false}) }}
with

changes as (

    select *, {{ step_order() }} as step_order from {{ ref('fct_deal_standing_changes') }}

),

-- The two ends of a change of pipeline: the stage change that takes its pipeline, and the change of pipeline that is told by it. As a field of its own
-- to join on: a condition on one side only would compare every change with every move.
moves as (

    select deal_key, changed_at, 'stage' as field, sequence, _record_number, pipeline_id
    from {{ ref('fct_deal_pipeline_moves') }}
    union all
    select deal_key, changed_at, 'pipeline', pipeline_sequence, pipeline_record_number, null
    from {{ ref('fct_deal_pipeline_moves') }}

)

select
    change.deal_key, change.changed_at, change.sequence, change._record_number, change.field, change.new_value,
    change.change_source, change._load_number, deal.source_system, deal.account,
    move.pipeline_id as paired_pipeline_id,
    change.step_order
from changes as change
inner join {{ ref('int_crm__deals') }} as deal on change.deal_key = deal.deal_key
left join moves as move
    on change.deal_key = move.deal_key and change.changed_at = move.changed_at and change.field = move.field
    and change.sequence = move.sequence and change._record_number = move._record_number
where move.field is distinct from 'pipeline'
