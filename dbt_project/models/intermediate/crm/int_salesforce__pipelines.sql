select
    'salesforce' as source_system,
    _account as account,
    record_type_id as source_pipeline_id,
    name as pipeline_name,
    is_deleted,
    _extracted_at,
    _record_number,
    _load_number
from {{ ref('int_salesforce__record_types') }}
