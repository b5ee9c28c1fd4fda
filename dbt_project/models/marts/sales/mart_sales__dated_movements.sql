{{ config(materialized='ephemeral', contract={'enforced': false}) }}
with as_of as (

    select {{ reporting_date('max(warehouse_data_through)') }} as as_of_date
    from {{ ref('dim_sources') }}

)

select
    least(movements.moved_date, as_of.as_of_date) as calendar_date,
    movements.bucket,
    movements.is_pipeline_change,
    {{ grains_in_common('least(movements.moved_date, as_of.as_of_date)', 'movements.known_close_date') }} as closing_grains,
    movements.pipeline_key,
    movements.owner_key,
    movements.currency_code,
    movements.count_delta,
    movements.amount_delta,
    movements.booked_amount_delta,
    case when movements.amount_missing_reason in ('no_currency', 'no_exchange_rate') and movements.booked_amount_delta is null then 1 else 0 end
        as unconverted_count
from {{ ref('fct_pipeline_movements') }} as movements
cross join as_of

-- out of the periods of the old expected close and into those of the new one, but for those in which both lie
{% for bucket, sign, close, other_close in [('pushed_out', '-1', 'old', 'new'), ('pulled_in', '1', 'new', 'old')] %}
union all

select
    calendar_date, '{{ bucket }}', false,
    {{ grains_in_common('calendar_date', close ~ '_close_date') }} & ~({{ grains_in_common('calendar_date', other_close ~ '_close_date') }}),
    pipeline_key, owner_key, currency_code, {{ sign }}, {{ sign }} * deal_amount, {{ sign }} * booked_amount,
    case when deal_amount is not null and booked_amount is null then 1 else 0 end
from {{ ref('mart_sales__close_date_changes') }}
{% endfor %}
