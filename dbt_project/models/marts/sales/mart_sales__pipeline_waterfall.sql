{%- set buckets = {
    'created': 1, 'reopened': 1, 'restored': 1, 'moved_in': 1, 'pulled_in': 1, 'increased': 1,
    'decreased': -1, 'pushed_out': -1, 'moved_out': -1, 'won': -1, 'lost': -1, 'deleted': -1, 'merged': -1,
} -%}
{%- set counted = buckets.keys() | reject('in', ['increased', 'decreased']) | list -%}
{%- set moved = ['pipeline_moved_in', 'pipeline_moved_out'] -%}
with periods as (

    select distinct period_grain, period_start, is_complete_period from {{ ref('mart_metrics__periods') }}

),

-- the ends come from the versions, the buckets from the movements
joined as (

    select
        coalesce(ends.waterfall_form, changes.waterfall_form) as waterfall_form,
        coalesce(ends.period_grain, changes.period_grain) as period_grain,
        coalesce(ends.period_start, changes.period_start) as period_start,
        coalesce(ends.dimension, changes.dimension) as dimension,
        coalesce(ends.dimension_key, changes.dimension_key) as dimension_key,
        {% for measure in ['count', 'amount', 'unconverted_count'] -%}
        coalesce(ends.opening_{{ measure }}, 0) as opening_{{ measure }},
        coalesce(ends.closing_{{ measure }}, 0) as closing_{{ measure }},
        {% endfor -%}
        {% for column in ['exchange_rate', 'rounding', 'rate_gap'] -%}
        coalesce(ends.{{ column }}_amount, 0) as {{ column }}_amount,
        {% endfor -%}
        {% for bucket in counted + moved -%}
        coalesce(changes.{{ bucket }}_count, 0) as {{ bucket }}_count,
        {% endfor -%}
        {% for bucket in buckets.keys() | list + moved -%}
        coalesce(changes.{{ bucket }}_amount, 0) as {{ bucket }}_amount,
        {% endfor -%}
        coalesce(changes.movement_count, 0) as movement_count,
        coalesce(changes.unconverted_movement_count, 0) as unconverted_movement_count
    from {{ ref('mart_sales__waterfall_ends') }} as ends
    full join {{ ref('mart_sales__waterfall_changes') }} as changes
        on ends.waterfall_form = changes.waterfall_form and ends.period_grain = changes.period_grain and ends.period_start = changes.period_start
        and ends.dimension = changes.dimension and ends.dimension_key = changes.dimension_key

)

select
    joined.waterfall_form,
    joined.period_grain,
    joined.period_start,
    periods.is_complete_period,
    joined.dimension,
    joined.dimension_key,
    labels.dimension_value,
    joined.opening_count,
    {% for bucket in counted -%}
    joined.{{ bucket }}_count,
    {% endfor -%}
    joined.closing_count,
    cast(joined.closing_count - (joined.opening_count
        {%- for bucket, sign in buckets.items() if bucket in counted %} {{ '+' if sign > 0 else '-' }} joined.{{ bucket }}_count{% endfor %}
    ) as bigint) as residual_count,
    cast(joined.opening_amount as decimal(18, 2)) as opening_amount,
    {% for bucket in buckets -%}
    cast(joined.{{ bucket }}_amount as decimal(18, 2)) as {{ bucket }}_amount,
    {% endfor -%}
    cast(joined.exchange_rate_amount as decimal(18, 2)) as exchange_rate_amount,
    cast(joined.closing_amount as decimal(18, 2)) as closing_amount,
    cast(joined.closing_amount - (joined.opening_amount
        {%- for bucket, sign in buckets.items() %} {{ '+' if sign > 0 else '-' }} joined.{{ bucket }}_amount{% endfor %} + joined.exchange_rate_amount
    ) as decimal(18, 2)) as residual_amount,
    cast(joined.rounding_amount as decimal(18, 2)) as rounding_amount,
    cast(joined.rate_gap_amount as decimal(18, 2)) as rate_gap_amount,
    {% for bucket in moved -%}
    joined.{{ bucket }}_count,
    cast(joined.{{ bucket }}_amount as decimal(18, 2)) as {{ bucket }}_amount,
    {% endfor -%}
    joined.unconverted_movement_count,
    joined.opening_unconverted_count,
    joined.closing_unconverted_count,
    '{{ var("currency") }}' as currency_code,
    'booked' as amount_basis
from joined
inner join periods on periods.period_grain = joined.period_grain and periods.period_start = joined.period_start
left join {{ ref('mart_metrics__dimension_values') }} as labels
    on labels.dimension = joined.dimension and labels.dimension_key = joined.dimension_key
-- a period that a deal was once expected to close in, but was not by the time it began
where joined.waterfall_form = 'all_open' or joined.movement_count + joined.opening_count + joined.closing_count > 0
