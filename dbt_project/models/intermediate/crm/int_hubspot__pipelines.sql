select
    'hubspot' as source_system,
    _account as account,
    pipeline_id as source_pipeline_id,
    label as pipeline_name,
    archived or _is_deleted as is_deleted,
    _extracted_at,
    _record_number,
    _load_number
from {{ ref('stg_hubspot__deal_pipelines') }}
