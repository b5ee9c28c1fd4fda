{%- set waterfall_buckets = {
    'created': 1, 'reopened': 1, 'restored': 1, 'moved_in': 1, 'pulled_in': 1, 'increased': 1,
    'decreased': -1, 'pushed_out': -1, 'moved_out': -1, 'won': -1, 'lost': -1, 'deleted': -1, 'merged': -1,
} -%}
with grains as (

    select distinct period_grain from {{ ref('mart_metrics__periods') }} where period_grain <> 'all'

),

as_of as (

    select max(as_of_date) as as_of_date from {{ ref('mart_metrics__periods') }}

),

-- the second form sees each deal in the period that its expected close lies in
positions as (

    select
        positions.*,
        grains.period_grain,
        {{ period_start_of('grains.period_grain', 'positions.calendar_date') }} as change_period_start,
        {{ period_start_of('grains.period_grain', 'positions.expected_close_date') }} as close_period_start
    from {{ ref('mart_sales__open_positions_daily') }} as positions
    cross join grains

),

movements as (

    select
        movements.*,
        grains.period_grain,
        {{ period_start_of('grains.period_grain', 'movements.calendar_date') }} as change_period_start,
        {{ period_start_of('grains.period_grain', 'movements.expected_close_date') }} as close_period_start,
        {{ period_start_of('grains.period_grain', 'movements.other_close_date') }} as other_period_start
    from {{ ref('mart_sales__pipeline_movements_daily') }} as movements
    cross join grains

),

changes as (

    select 'all_open' as waterfall_form, 'all' as period_grain, date '0001-01-01' as period_start, calendar_date, pipeline_key, owner_key, currency_code,
        'position' as bucket, false as is_pipeline_change, 0 as movement_count,
        count_delta, amount_count_delta, amount_delta, cast(0 as decimal(18, 2)) as booked_amount_delta, 0 as unconverted_count
    from {{ ref('mart_sales__open_positions_daily') }}

    union all

    select 'all_open', 'all', date '0001-01-01', calendar_date, pipeline_key, owner_key, currency_code,
        bucket, is_pipeline_change, movement_count, count_delta, 0, amount_delta, booked_amount_delta, unconverted_count
    from {{ ref('mart_sales__pipeline_movements_daily') }}
    where bucket not in ('pulled_in', 'pushed_out')

    union all

    -- what was before the period stands on the eve of it; what comes after it concerns it no more
    select 'closing_in_period', positions.period_grain, positions.close_period_start,
        greatest(positions.calendar_date, cast(positions.close_period_start - interval 1 day as date)), positions.pipeline_key, positions.owner_key, positions.currency_code,
        'position', false, 0, positions.count_delta, positions.amount_count_delta, positions.amount_delta, 0, 0
    from positions
    cross join as_of
    where positions.change_period_start <= positions.close_period_start and positions.close_period_start <= as_of.as_of_date

    union all

    select 'closing_in_period', period_grain, close_period_start, calendar_date, pipeline_key, owner_key, currency_code,
        bucket, is_pipeline_change, movement_count, count_delta, 0, amount_delta, booked_amount_delta, unconverted_count
    from movements
    where close_period_start = change_period_start
        and (bucket not in ('pulled_in', 'pushed_out') or other_period_start is distinct from change_period_start)

)

select
    waterfall_form,
    period_grain,
    period_start,
    calendar_date,
    pipeline_key,
    owner_key,
    currency_code,
    {% for measure in ['count_delta', 'amount_count_delta', 'amount_delta'] -%}
    {% set kind = 'decimal(18, 2)' if measure == 'amount_delta' else 'bigint' -%}
    cast(coalesce(sum(case when bucket = 'position' then {{ measure }} end), 0) as {{ kind }}) as position_{{ measure }},
    {% endfor -%}
    cast(coalesce(sum(case when bucket <> 'position' then count_delta end), 0) as bigint) as movement_count_delta,
    cast(coalesce(sum(case when bucket <> 'position' then amount_delta end), 0) as decimal(18, 2)) as movement_amount_delta,
    {% for bucket, sign in waterfall_buckets.items() -%}
    {% if bucket not in ('increased', 'decreased') -%}
    cast(coalesce(sum(case when bucket = '{{ bucket }}' then {{ sign }} * count_delta end), 0) as bigint) as {{ bucket }}_count,
    {% endif -%}
    cast(coalesce(sum(case when bucket = '{{ bucket }}' then {{ sign }} * booked_amount_delta end), 0) as decimal(18, 2)) as {{ bucket }}_amount,
    {% endfor -%}
    {% for bucket, sign in {'moved_in': 1, 'moved_out': -1}.items() -%}
    cast(coalesce(sum(case when bucket = '{{ bucket }}' and is_pipeline_change then {{ sign }} * count_delta end), 0) as bigint) as pipeline_{{ bucket }}_count,
    cast(coalesce(sum(case when bucket = '{{ bucket }}' and is_pipeline_change then {{ sign }} * booked_amount_delta end), 0) as decimal(18, 2))
        as pipeline_{{ bucket }}_amount,
    {% endfor -%}
    cast(sum(movement_count) as bigint) as movement_count,
    cast(sum(unconverted_count) as bigint) as unconverted_movement_count
from changes
group by waterfall_form, period_grain, period_start, calendar_date, pipeline_key, owner_key, currency_code
