with movements as (

    select * from {{ ref('mart_sales__dated_movements') }} where closing_grains > 0 or bucket not in ('pulled_in', 'pushed_out')

)

{% for dimension in ['pipeline', 'owner'] -%}
select
    '{{ dimension }}' as dimension,
    {{ dimension }}_key as member_key,
    calendar_date,
    cast(closing_grains as integer) as closing_grains,
    bucket,
    is_pipeline_change,
    cast(count(*) as bigint) as movement_count,
    cast(sum(count_delta) as bigint) as count_delta,
    cast(coalesce(sum(booked_amount_delta), 0) as decimal(18, 2)) as booked_amount_delta,
    cast(sum(unconverted_count) as bigint) as unconverted_count
from movements
group by {{ dimension }}_key, calendar_date, closing_grains, bucket, is_pipeline_change
{{ 'union all' if not loop.last }}
{% endfor %}
