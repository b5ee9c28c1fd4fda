{# Every stage that counts in the funnel has a step. #}
{% test stages_are_mapped(model) %}
{%- set preset = var("funnel_preset") %}

select
    stage.source_system || '|' || stage.source_pipeline_id || '|' || stage.source_stage_id as guilty_key,
    case
        {%- if preset == 'own' %}
        when stage.source_system = 'files'
            then 'The stage "' || stage.stage_name || '" has no funnel step. Name one in the column funnel_step of stages.csv (pipeline_id '
                || stage.source_pipeline_id || ', stage_id ' || stage.source_stage_id || ').'
        else 'The stage "' || stage.stage_name || '" of ' || stage.source_system || ' has no funnel step: under the preset own, only stages.csv names'
            || ' steps. Set WATERTIGHT_FUNNEL_PRESET to a preset of seeds/funnel_presets.csv.'
        {%- else %}
        when stage.source_system = 'files'
            then 'The stage "' || stage.stage_name || '" has '
                || coalesce('the funnel step "' || named.funnel_step || '", which the preset {{ preset }} does not have', 'no funnel step')
                || '. Name one of its steps (seeds/funnel_presets.csv lists them) in the column funnel_step of stages.csv (pipeline_id '
                || stage.source_pipeline_id || ', stage_id ' || stage.source_stage_id || '), or set WATERTIGHT_FUNNEL_PRESET to own.'
        else 'Nobody mapped the stage "' || stage.stage_name || '" to a funnel step. Add to seeds/stage_funnel_steps.csv: '
            || stage.source_system || ',' || stage.source_pipeline_id || ',' || stage.source_stage_id || ',{{ preset }},<step_number>,true'
        {%- endif %}
    end as likely_cause
from {{ model }} as stage
{%- if preset != 'own' %}
left join {{ ref('int_crm__stages') }} as named on stage.stage_key = named.stage_key and named.is_current
{%- endif %}
where stage.is_current and not stage.is_deleted and stage.funnel_step = 'unmapped' and stage.source_stage_id is not null

{% endtest %}
