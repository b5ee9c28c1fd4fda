-- Tryton fixes the states and says neither their order nor which of them close: the seed does.
select
    'tryton' as source_system,
    state._account as account,
    'opportunity' as source_pipeline_id,
    state.state as source_stage_id,
    state.label as stage_name,
    coalesce(seed.stage_order, state.display_order) as stage_order,
    coalesce(seed.stage_kind, 'open') as stage_kind,
    cast(null as boolean) as is_active_stage,
    cast(null as varchar) as funnel_step,
    cast(null as double) as default_probability,
    state._is_deleted as is_deleted,
    state._extracted_at,
    state._record_number,
    state._load_number
from {{ ref('stg_tryton__opportunity_states') }} as state
left join {{ ref('tryton_stages') }} as seed on state.state = seed.stage_id
