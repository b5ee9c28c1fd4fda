-- A step that a source names itself counts where the funnel is the companies' own; under a preset it must be one of the preset's names.
{% set is_own = var("funnel_preset") == 'own' -%}
with

preset as (

    select step_number, step_name
    from {{ ref('funnel_presets') }}
    where funnel_preset = '{{ var("funnel_preset") }}'

),

steps as (

    select
        mapping.source_system,
        mapping.source_pipeline_id,
        mapping.source_stage_id,
        mapping.step_number,
        preset.step_name,
        mapping.is_active_stage
    from {{ ref('stage_funnel_steps') }} as mapping
    inner join preset on mapping.step_number = preset.step_number
    where mapping.funnel_preset = '{{ var("funnel_preset") }}'

),

listed as (

    select
        stage.stage_key,
        stage.pipeline_key,
        stage.source_system,
        stage.source_pipeline_id,
        stage.source_stage_id,
        coalesce(stage.stage_name, stage.source_stage_id) as stage_name,
        stage.stage_order,
        stage.open_rank,
        stage.stage_kind,
        coalesce(stage.is_active_stage, step.is_active_stage, true) as is_active_stage,
        case
            when nullif(stage.funnel_step, 'none') is not null then {{ 'stage.funnel_step' if is_own else "coalesce(named.step_name, 'unmapped')" }}
            else coalesce(step.step_name, case when stage.stage_kind = 'lost' then 'none' else 'unmapped' end)
        end as funnel_step,
        case when nullif(stage.funnel_step, 'none') is not null then named.step_number else step.step_number end as funnel_step_number,
        stage.default_probability,
        stage.valid_from,
        {{ valid_to_then('stage.valid_to') }} as valid_to,
        {{ valid_to_then('stage.valid_to') }} = {{ end_of_time() }} as is_current,
        stage.is_deleted
    from {{ ref('int_crm__stages') }} as stage
    left join preset as named on stage.funnel_step = named.step_name
    left join steps as step
        on stage.source_system = step.source_system and stage.source_pipeline_id = step.source_pipeline_id
        and (stage.source_stage_id = step.source_stage_id or stage.stage_name = step.source_stage_id)
    {{ happened_by_then('stage.valid_from') }}

),

-- Every stage any deal was in, beside every pipeline any deal was in: the pairs that transitions name are among them.
seen as (

    select
        {{ stable_key('stage.source_system', 'stage.account', "pipeline.source_id || '|' || stage.source_id") }} as stage_key,
        {{ stable_key('stage.source_system', 'stage.account', 'pipeline.source_id') }} as pipeline_key,
        stage.source_system,
        pipeline.source_id as source_pipeline_id,
        stage.source_id as source_stage_id
    from {{ ref('int_crm__references_seen') }} as stage
    inner join {{ ref('int_crm__references_seen') }} as pipeline
        on stage.source_system = pipeline.source_system and stage.account = pipeline.account and pipeline.reference = 'pipeline'
    where stage.reference = 'stage'
    group by stage.source_system, stage.account, pipeline.source_id, stage.source_id

),

visited as (

    select distinct to_stage_key as stage_key from {{ ref('fct_deal_stage_transitions') }}

)

select * from listed
union all
select
    seen.stage_key,
    seen.pipeline_key,
    seen.source_system,
    seen.source_pipeline_id,
    seen.source_stage_id,
    'stage ' || seen.source_stage_id,
    null,
    null,
    'open',
    true,
    'unmapped',
    null,
    null,
    {{ beginning_of_time() }},
    {{ end_of_time() }},
    true,
    true
from seen
inner join visited on seen.stage_key = visited.stage_key
left join listed on seen.stage_key = listed.stage_key
where listed.stage_key is null
union all
select
    {{ unknown_key() }}, {{ unknown_key() }}, 'unknown', null, null, 'unknown', null, null, 'open', true, 'unmapped', null, null,
    {{ beginning_of_time() }}, {{ end_of_time() }}, true, false
