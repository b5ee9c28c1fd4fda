{{ config(materialized='ephemeral', contract={'enforced': false}) }}
-- depends_on: {{ ref('fct_deal_changes') }}
-- depends_on: {{ ref('fct_deal_standing_changes') }}

-- A change of pipeline pairs with the first stage change of that instant whose stage belongs to the new pipeline; a stage that nobody lists
-- is taken to belong to it. A creation pairs with nothing. A change of pipeline without such a stage has no row here.
with

changes as (

    {#- What is read twice is kept, and to keep a whole history costs more than to read it again: tonight's few come from what is kept. #}
    select deal_key, field, new_value, changed_at, sequence, _record_number
    from {{ ref('fct_deal_standing_changes') if held('fct_deal_steps') else ref('fct_deal_changes') }}
    where field in ('pipeline', 'stage') and old_value is not null{% if not held('fct_deal_steps') %} and retracted_at is null{% endif %}

),

candidates as (

    select
        pipeline.deal_key,
        pipeline.changed_at,
        pipeline.sequence as pipeline_sequence,
        pipeline._record_number as pipeline_record_number,
        pipeline.new_value as pipeline_id,
        stage.sequence,
        stage._record_number,
        row_number() over (
            partition by pipeline.deal_key, pipeline.changed_at, pipeline.sequence, pipeline._record_number
            order by belongs.source_stage_id is null, stage.sequence, stage._record_number
        ) as choice
    from changes as pipeline
    inner join changes as stage
        on pipeline.deal_key = stage.deal_key and pipeline.changed_at = stage.changed_at and stage.field = 'stage'
    inner join {{ ref('int_crm__deals') }} as deal on pipeline.deal_key = deal.deal_key
    left join {{ ref('int_crm__stages') }} as belongs
        on deal.source_system = belongs.source_system and deal.account = belongs.account and belongs.is_current
        and pipeline.new_value = belongs.source_pipeline_id and stage.new_value = belongs.source_stage_id
    left join (select distinct source_system, account, source_stage_id from {{ ref('int_crm__stages') }}) as listed
        on deal.source_system = listed.source_system and deal.account = listed.account and stage.new_value = listed.source_stage_id
    where
        pipeline.field = 'pipeline'
        and (belongs.source_stage_id is not null or listed.source_stage_id is null)

),

-- Pipelines may share a stage id: the second change of an instant that would choose the same stage change takes its next choice.
turns as (

    select
        deal_key, changed_at, pipeline_sequence, pipeline_record_number,
        row_number() over (
            partition by deal_key, changed_at, sequence, _record_number order by pipeline_sequence, pipeline_record_number
        ) as turn
    from candidates
    where choice = 1

)

select
    candidate.deal_key,
    candidate.changed_at,
    candidate.pipeline_sequence,
    candidate.pipeline_record_number,
    candidate.pipeline_id,
    candidate.sequence,
    candidate._record_number
from candidates as candidate
inner join turns as turn
    on candidate.deal_key = turn.deal_key and candidate.changed_at = turn.changed_at
    and candidate.pipeline_sequence = turn.pipeline_sequence and candidate.pipeline_record_number = turn.pipeline_record_number
    and candidate.choice = turn.turn
qualify row_number() over (
    partition by candidate.deal_key, candidate.changed_at, candidate.sequence, candidate._record_number
    order by candidate.pipeline_sequence, candidate.pipeline_record_number
) = 1
