select
    'files' as source_system,
    _account as account,
    pipeline_id as source_pipeline_id,
    stage_id as source_stage_id,
    stage_name,
    stage_order,
    stage_kind,
    is_active_stage,
    funnel_step,
    default_probability,
    _is_deleted as is_deleted,
    _extracted_at,
    _record_number,
    _load_number
from {{ ref('stg_files__stages') }}
