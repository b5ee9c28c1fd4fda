select
    'files' as source_system,
    _account as account,
    _source_id as source_spend_id,
    "date" as spend_date,
    channel as source_channel,
    campaign_id as source_campaign_id,
    amount as spend_amount,
    currency_code,
    _is_deleted as is_deleted,
    _record_number,
    _load_number
from {{ ref('stg_files__marketing_spend') }}
