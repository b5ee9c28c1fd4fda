-- No day, stage and owner holds fewer than no deals.
select
    calendar_date, stage_key, owner_key, open_count,
    'A deal left a stage or owner that it was never counted in: look at mart_sales__pipeline_changes_daily of the day.' as likely_cause
from {{ ref('mart_sales__pipeline_daily') }}
where open_count < 0 or unconverted_count < 0
