{# A visit stands in a stage that its pipeline has. `current`: live deals now stand in a stage that the source lists.
   `sources`: CRMs that move pipeline and stage in one step and whose stages belong to one pipeline: there no visit ever stands in a stage of
   another pipeline. #}
{% test visits_stand_in_listed_stages(model, stages, current=false, sources=[]) %}

{% if current %}
select
    visit.deal_key as guilty_key,
    stage.source_system,
    stage.source_pipeline_id,
    stage.source_stage_id,
    'A live deal stands in a stage that its source does not list: the list of stages lost one, or the stage was made while the deals were read.'
        as likely_cause
from {{ model }} as visit
inner join {{ stages }} as stage on visit.stage_key = stage.stage_key and stage.is_current
where visit.is_current and stage.is_deleted
{% else %}
with

-- Ids of stages that one pipeline lists, or once listed, and no other.
listed as (

    select source_system, account, source_stage_id, min(source_pipeline_id) as source_pipeline_id
    from {{ ref('int_crm__stages') }}
    where source_system in ({% for each in sources %}'{{ each }}'{{ ', ' if not loop.last }}{% endfor %})
    group by source_system, account, source_stage_id
    having count(distinct source_pipeline_id) = 1

),

-- The wrong pair has a key of its own: the pairs that were ever seen are few.
wrong_pairs as (

    select
        {{ stable_key('listed.source_system', 'listed.account', "pipeline.source_id || '|' || listed.source_stage_id") }} as stage_key,
        listed.source_system, listed.source_stage_id, listed.source_pipeline_id, pipeline.source_id as wrong_pipeline_id
    from listed
    inner join {{ ref('int_crm__references_seen') }} as pipeline
        on listed.source_system = pipeline.source_system and listed.account = pipeline.account
        and pipeline.reference = 'pipeline' and pipeline.source_id <> listed.source_pipeline_id
    group by all

)

select
    visit.deal_key as guilty_key,
    pair.source_system,
    pair.source_stage_id,
    pair.source_pipeline_id,
    pair.wrong_pipeline_id,
    visit.entered_at,
    'The deal stood in a stage of another pipeline: a change of pipeline, or of the stage beside it, is missing, wrong or has another instant.'
        as likely_cause
from {{ model }} as visit
inner join wrong_pairs as pair on visit.stage_key = pair.stage_key
{% endif %}

{% endtest %}
