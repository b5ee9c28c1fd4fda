select
    'files' as source_system,
    _account as account,
    payment_id as source_payment_id,
    deal_id as source_deal_id,
    paid_at,
    amount as payment_amount,
    currency_code,
    _is_deleted as is_deleted,
    _record_number,
    _load_number
from {{ ref('stg_files__payments') }}
