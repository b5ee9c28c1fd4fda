-- Each bucket of the waterfall over all that is open is its movements, counted and summed anew from the ledger; what has no rate is counted apart.
{%- set buckets = ['created', 'reopened', 'restored', 'moved_in', 'increased', 'decreased', 'moved_out', 'won', 'lost', 'deleted', 'merged'] -%}
{%- set falling = ['decreased', 'moved_out', 'won', 'lost', 'deleted', 'merged'] -%}
{%- set measures = [] -%}
{%- for bucket in buckets -%}
    {%- if bucket not in ('increased', 'decreased') -%}{%- set _ = measures.append(bucket ~ '_count') -%}{%- endif -%}
    {%- set _ = measures.append(bucket ~ '_amount') -%}
{%- endfor -%}
{%- set measures = measures + ['pipeline_moved_in_count', 'pipeline_moved_out_count', 'pipeline_moved_in_amount', 'pipeline_moved_out_amount', 'unconverted_movement_count'] %}
with as_of as (

    select {{ reporting_date('max(warehouse_data_through)') }} as as_of_date from {{ ref('dim_sources') }}

),

days as (

    select
        case when moved_date > as_of_date then as_of_date else moved_date end as calendar_date, pipeline_key, owner_key,
        {% for bucket in buckets -%}
        count(*) filter (where bucket = '{{ bucket }}') as {{ bucket }}_count,
        coalesce(sum({{ '-' if bucket in falling }}booked_amount_delta) filter (where bucket = '{{ bucket }}'), 0) as {{ bucket }}_amount,
        {% endfor -%}
        {% for bucket in ['moved_in', 'moved_out'] -%}
        count(*) filter (where is_pipeline_change and bucket = '{{ bucket }}') as pipeline_{{ bucket }}_count,
        coalesce(sum({{ '-' if bucket in falling }}booked_amount_delta) filter (where is_pipeline_change and bucket = '{{ bucket }}'), 0) as pipeline_{{ bucket }}_amount,
        {% endfor -%}
        count(*) filter (where amount_delta is not null and booked_amount_delta is null) as unconverted_movement_count
    from {{ ref('fct_pipeline_movements') }}
    cross join as_of
    group by 1, 2, 3

),

counted as (

    {% for dimension, key in [('all', "'all'"), ('pipeline', 'cast(days.pipeline_key as varchar)'), ('owner', 'cast(days.owner_key as varchar)'),
        ('team', "coalesce(owners.team_name, 'unknown')")] -%}
    select '{{ dimension }}' as dimension, {{ key }} as dimension_key, periods.period_grain, periods.period_start
        {%- for measure in measures %}, sum(days.{{ measure }}) as {{ measure }}{% endfor %}
    from days
    left join {{ ref('dim_owners') }} as owners on owners.owner_key = days.owner_key
    inner join {{ ref('mart_metrics__periods') }} as periods on periods.calendar_date = days.calendar_date and periods.period_grain <> 'all'
    group by {{ key }}, periods.period_grain, periods.period_start
    {{ 'union all' if not loop.last }}
    {% endfor %}

)

select
    coalesce(shown.dimension, counted.dimension) as dimension, coalesce(shown.dimension_key, counted.dimension_key) as dimension_key,
    coalesce(shown.period_grain, counted.period_grain) as period_grain, coalesce(shown.period_start, counted.period_start) as period_start,
    'A bucket of the waterfall is not the movements of its period: look at mart_sales__pipeline_movements_daily and mart_sales__waterfall_changes.' as likely_cause
from (select * from {{ ref('mart_sales__pipeline_waterfall') }} where waterfall_form = 'all_open') as shown
full join counted
    on counted.dimension = shown.dimension and counted.dimension_key = shown.dimension_key and counted.period_grain = shown.period_grain
    and counted.period_start = shown.period_start
where
    {% for measure in measures -%}
    coalesce(shown.{{ measure }}, 0) <> coalesce(counted.{{ measure }}, 0) {{ 'or ' if not loop.last }}
    {% endfor %}
