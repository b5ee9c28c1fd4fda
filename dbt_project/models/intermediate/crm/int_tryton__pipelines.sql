-- Tryton has one pipeline and does not name it.
select
    'tryton' as source_system,
    _account as account,
    'opportunity' as source_pipeline_id,
    'Sale opportunities' as pipeline_name,
    false as is_deleted,
    min(_extracted_at) as _extracted_at,
    1 as _record_number,
    min(_load_number) as _load_number
from {{ ref('stg_tryton__opportunity_states') }}
group by _account
