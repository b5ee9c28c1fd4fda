-- the changes of the daily pipeline, with the pipeline for the stage: what moved from stage to stage adds up to nothing
select
    calendar_date,
    pipeline_key,
    owner_key,
    currency_code,
    cast(sum(count_delta) as bigint) as count_delta,
    cast(sum(amount_count_delta) as bigint) as amount_count_delta,
    cast(sum(amount_delta) as decimal(18, 2)) as amount_delta
from {{ ref('mart_sales__pipeline_changes_daily') }}
group by calendar_date, pipeline_key, owner_key, currency_code
having sum(count_delta) <> 0 or sum(amount_count_delta) <> 0 or sum(amount_delta) <> 0
