{%- set buckets = {
    'created': 1, 'reopened': 1, 'restored': 1, 'moved_in': 1, 'pulled_in': 1, 'increased': 1,
    'decreased': -1, 'pushed_out': -1, 'moved_out': -1, 'won': -1, 'lost': -1, 'deleted': -1, 'merged': -1,
} -%}
{%- set forms = {
    'all_open': {'grains': '31', 'condition': "bucket not in ('pulled_in', 'pushed_out')"},
    'closing_in_period': {'grains': 'closing_grains', 'condition': 'closing_grains > 0'},
} -%}
{# a column, its type, the movements it counts, and what of them with which sign #}
{%- set columns = [] -%}
{%- for bucket, sign in buckets.items() -%}
    {%- if bucket not in ('increased', 'decreased') -%}
        {%- set _ = columns.append((bucket ~ '_count', 'bigint', "bucket = '" ~ bucket ~ "'", sign ~ ' * count_delta')) -%}
    {%- endif -%}
    {%- set _ = columns.append((bucket ~ '_amount', 'decimal(18, 2)', "bucket = '" ~ bucket ~ "'", sign ~ ' * booked_amount_delta')) -%}
{%- endfor -%}
{%- for bucket in ['moved_in', 'moved_out'] -%}
    {%- set across = "bucket = '" ~ bucket ~ "' and is_pipeline_change" -%}
    {%- set _ = columns.append(('pipeline_' ~ bucket ~ '_count', 'bigint', across, buckets[bucket] ~ ' * count_delta')) -%}
    {%- set _ = columns.append(('pipeline_' ~ bucket ~ '_amount', 'decimal(18, 2)', across, buckets[bucket] ~ ' * booked_amount_delta')) -%}
{%- endfor -%}
{%- set _ = columns.append(('movement_count', 'bigint', 'true', 'movement_count')) -%}
{%- set _ = columns.append(('unconverted_movement_count', 'bigint', 'true', 'unconverted_count')) %}
with

-- a new expected close moves nothing of all that is open
by_day as (

    {% for form, of in forms.items() -%}
    select
        '{{ form }}' as waterfall_form, dimension, member_key, calendar_date, {{ of.grains }} as in_grains
        {%- for name, kind, condition, value in columns %},
        cast(sum(case when {{ condition }} then {{ value }} else 0 end) as {{ kind }}) as {{ name }}
        {%- endfor %}
    from {{ ref('mart_sales__pipeline_movements_daily') }}
    where {{ of.condition }}
    group by dimension, member_key, calendar_date{{ ', closing_grains' if form == 'closing_in_period' }}
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

grains (period_grain, grain_flag) as (

    {{ grain_flags() }}

),

by_period as (

    select
        by_day.waterfall_form, periods.period_grain, periods.period_start, by_day.dimension, by_day.member_key
        {%- for name, kind, _, _ in columns %},
        cast(sum(by_day.{{ name }}) as {{ kind }}) as {{ name }}
        {%- endfor %}
    from by_day
    inner join {{ ref('mart_metrics__periods') }} as periods on by_day.calendar_date = periods.calendar_date
    inner join grains on periods.period_grain = grains.period_grain and (by_day.in_grains & grains.grain_flag) > 0
    group by by_day.waterfall_form, periods.period_grain, periods.period_start, by_day.dimension, by_day.member_key

)

select
    waterfall_form,
    period_grain,
    period_start,
    dimension,
    cast(member_key as varchar) as dimension_key
    {%- for name, _, _, _ in columns %},
    {{ name }}
    {%- endfor %}
from by_period

union all

select
    waterfall_form,
    period_grain,
    period_start,
    'all',
    'all'
    {%- for name, kind, _, _ in columns %},
    cast(sum({{ name }}) as {{ kind }})
    {%- endfor %}
from by_period
where dimension = 'pipeline'
group by waterfall_form, period_grain, period_start
