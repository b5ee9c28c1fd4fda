select
    'pipedrive' as source_system,
    _account as account,
    pipeline_id as source_pipeline_id,
    name as pipeline_name,
    is_deleted or _is_deleted as is_deleted,
    _extracted_at,
    _record_number,
    _load_number
from {{ ref('stg_pipedrive__pipelines') }}
