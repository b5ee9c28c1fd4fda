select
    'files' as source_system,
    _account as account,
    campaign_id as source_campaign_id,
    campaign_name,
    channel as source_channel,
    cast(null as date) as start_date,
    cast(null as date) as end_date,
    cast(null as decimal(18, 2)) as budget_amount,
    cast(null as decimal(18, 2)) as spent_amount,
    cast(null as varchar) as currency_code,
    cast(null as varchar) as crm_url,
    _is_deleted as is_deleted,
    _record_number,
    _load_number
from {{ ref('stg_files__campaigns') }}
