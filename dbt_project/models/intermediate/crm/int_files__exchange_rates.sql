select
    'files' as source_system,
    _account as account,
    "date" as rate_date,
    from_currency as from_currency_code,
    to_currency as to_currency_code,
    rate as exchange_rate,
    _is_deleted as is_deleted
from {{ ref('stg_files__exchange_rates') }}
qualify row_number() over (partition by "date", from_currency, to_currency order by _load_number desc, _record_number desc) = 1
