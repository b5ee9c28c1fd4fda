{%- set waterfall_buckets = {
    'created': 1, 'reopened': 1, 'restored': 1, 'moved_in': 1, 'pulled_in': 1, 'increased': 1,
    'decreased': -1, 'pushed_out': -1, 'moved_out': -1, 'won': -1, 'lost': -1, 'deleted': -1, 'merged': -1,
} -%}
{%- set counted = waterfall_buckets.keys() | reject('in', ['increased', 'decreased']) | list -%}
with dimensions as (

    select 'all' as dimension
    union all
    select 'pipeline'
    union all
    select 'owner'

),

days as (

    select days.*, dimensions.dimension, {{ dimension_key('dimensions.dimension', 'days.pipeline_key', 'days.owner_key') }} as dimension_key
    from {{ ref('mart_sales__waterfall_days') }} as days
    cross join dimensions

),

-- days roll up to any period; the other form has its rows per period already
by_period as (

    select
        days.waterfall_form,
        periods.period_grain,
        periods.period_start,
        periods.is_complete_period,
        days.dimension,
        days.dimension_key,
        {% for measure, kind in {'count': 'bigint', 'amount': 'decimal(18, 2)', 'unconverted_count': 'bigint'}.items() -%}
        cast(sum(case when days.calendar_date = periods.period_start then days.opening_{{ measure }} else 0 end) as {{ kind }})
            as opening_{{ measure }},
        cast(sum(
            case when days.calendar_date = least(cast(periods.next_period_start - interval 1 day as date), periods.as_of_date)
                then days.closing_{{ measure }} else 0 end
        ) as {{ kind }}) as closing_{{ measure }},
        {% endfor -%}
        {% for bucket in counted + ['pipeline_moved_in', 'pipeline_moved_out'] -%}
        cast(sum(days.{{ bucket }}_count) as bigint) as {{ bucket }}_count,
        {% endfor -%}
        {% for bucket in waterfall_buckets.keys() | list + ['pipeline_moved_in', 'pipeline_moved_out', 'exchange_rate', 'rounding', 'rate_gap'] -%}
        cast(sum(days.{{ bucket }}_amount) as decimal(18, 2)) as {{ bucket }}_amount,
        {% endfor -%}
        cast(sum(days.unconverted_movement_count) as bigint) as unconverted_movement_count
    from days
    inner join {{ ref('mart_metrics__periods') }} as periods
        on periods.calendar_date = days.calendar_date
        and (days.waterfall_form = 'all_open' or (days.period_grain = periods.period_grain and days.period_start = periods.period_start))
    where periods.period_grain <> 'all'
    group by 1, 2, 3, 4, 5, 6
    -- a period that a deal was once expected to close in, but was not by the time it began
    having days.waterfall_form = 'all_open' or sum(days.movement_count) + sum(days.opening_count) > 0

)

select
    by_period.waterfall_form,
    by_period.period_grain,
    by_period.period_start,
    by_period.is_complete_period,
    by_period.dimension,
    by_period.dimension_key,
    labels.dimension_value,
    by_period.opening_count,
    {% for bucket in counted -%}
    by_period.{{ bucket }}_count,
    {% endfor -%}
    by_period.closing_count,
    cast(closing_count - (opening_count
        {%- for bucket, sign in waterfall_buckets.items() if bucket in counted %} {{ '+' if sign > 0 else '-' }} {{ bucket }}_count{% endfor %}
    ) as bigint) as residual_count,
    by_period.opening_amount,
    {% for bucket in waterfall_buckets -%}
    by_period.{{ bucket }}_amount,
    {% endfor -%}
    by_period.exchange_rate_amount,
    by_period.closing_amount,
    cast(closing_amount - (opening_amount
        {%- for bucket, sign in waterfall_buckets.items() %} {{ '+' if sign > 0 else '-' }} {{ bucket }}_amount{% endfor %} + exchange_rate_amount
    ) as decimal(18, 2)) as residual_amount,
    by_period.rounding_amount,
    by_period.rate_gap_amount,
    by_period.pipeline_moved_in_count,
    by_period.pipeline_moved_in_amount,
    by_period.pipeline_moved_out_count,
    by_period.pipeline_moved_out_amount,
    by_period.unconverted_movement_count,
    by_period.opening_unconverted_count,
    by_period.closing_unconverted_count,
    '{{ var("currency") }}' as currency_code,
    'booked' as amount_basis
from by_period
left join {{ ref('mart_metrics__dimension_values') }} as labels
    on labels.dimension = by_period.dimension and labels.dimension_key = by_period.dimension_key
