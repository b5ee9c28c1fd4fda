-- A stage's funnel step is one of the chosen preset and carries its number; a step that the source names wins over the seed's mapping.
{%- set is_own = var("funnel_preset") == 'own' %}
select
    stages.stage_key, stages.source_system, stages.source_stage_id, stages.funnel_step, stages.funnel_step_number, listed.funnel_step as stated_step,
    'The step is none of the preset''s, or not the one that the source or the seed stage_funnel_steps names: look at dim_stages.' as likely_cause
from {{ ref('dim_stages') }} as stages
inner join {{ ref('int_crm__stages') }} as listed on listed.stage_key = stages.stage_key and listed.valid_from = stages.valid_from
left join (select * from {{ ref('funnel_presets') }} where funnel_preset = '{{ var("funnel_preset") }}') as steps on steps.step_name = stages.funnel_step
left join (select * from {{ ref('stage_funnel_steps') }} where funnel_preset = '{{ var("funnel_preset") }}') as mapped
    on mapped.source_system = listed.source_system and mapped.source_pipeline_id = listed.source_pipeline_id
    and mapped.source_stage_id in (listed.source_stage_id, listed.stage_name)
where
    stages.funnel_step_number is distinct from steps.step_number
    {%- if not is_own %}
    or (steps.step_name is null and stages.funnel_step not in ('unmapped', 'none'))
    or (coalesce(listed.funnel_step, 'none') <> 'none' and stages.funnel_step not in (listed.funnel_step, 'unmapped'))
    or (coalesce(listed.funnel_step, 'none') <> 'none' and listed.funnel_step in (select step_name from {{ ref('funnel_presets') }} where funnel_preset = '{{ var("funnel_preset") }}')
        and stages.funnel_step <> listed.funnel_step)
    {%- else %}
    or (coalesce(listed.funnel_step, 'none') <> 'none' and stages.funnel_step <> listed.funnel_step)
    {%- endif %}
    or (coalesce(listed.funnel_step, 'none') = 'none' and mapped.step_number is not null and stages.funnel_step_number is distinct from mapped.step_number)
    or (coalesce(listed.funnel_step, 'none') = 'none' and mapped.step_number is null
        and stages.funnel_step <> case when stages.stage_kind = 'lost' then 'none' else 'unmapped' end)
    or (listed.is_active_stage is null and stages.is_active_stage <> coalesce(mapped.is_active_stage, true))
