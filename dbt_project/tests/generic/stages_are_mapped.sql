{# Every stage that counts in the funnel has a step. #}
{% test stages_are_mapped(model) %}

select
    source_system || '|' || source_pipeline_id || '|' || source_stage_id as guilty_key,
    'Nobody mapped the stage "' || stage_name || '" to a funnel step. Add to seeds/stage_funnel_steps.csv: '
        || source_system || ',' || source_pipeline_id || ',' || source_stage_id || ',{{ var("funnel_preset") }},<step_number>,true' as likely_cause
from {{ model }}
where is_current and not is_deleted and funnel_step = 'unmapped' and source_stage_id is not null

{% endtest %}
