-- A folder that tells the deals' changes tells all of them: a deal of which it tells no move has made none.
select
    'files' as source_system,
    _account as account,
    min(_load_number) as first_load_number
from {{ ref('stg_files__deal_changes') }}
group by _account
