{%- set waterfall_buckets = {
    'created': 1, 'reopened': 1, 'restored': 1, 'moved_in': 1, 'pulled_in': 1, 'increased': 1,
    'decreased': -1, 'pushed_out': -1, 'moved_out': -1, 'won': -1, 'lost': -1, 'deleted': -1, 'merged': -1,
} -%}
{%- set position = ['waterfall_form', 'period_grain', 'period_start', 'pipeline_key', 'owner_key', 'currency_code'] -%}
{%- set buckets = waterfall_buckets -%}
with periods as (

    select distinct period_grain, period_start, least(cast(next_period_start - interval 1 day as date), as_of_date) as last_date
    from {{ ref('mart_metrics__periods') }}

),

as_of as (

    select max(as_of_date) as as_of_date from {{ ref('mart_metrics__periods') }}

),

positions as (

    select {{ position | join(', ') }}, min(calendar_date) as first_date
    from {{ ref('mart_sales__waterfall_changes') }}
    group by {{ position | join(', ') }}

),

position_days as (

    select positions.*, dates.calendar_date
    from positions
    cross join as_of
    left join periods on periods.period_grain = positions.period_grain and periods.period_start = positions.period_start
    inner join {{ ref('dim_dates') }} as dates
        on dates.calendar_date >= positions.first_date and dates.calendar_date <= coalesce(periods.last_date, as_of.as_of_date)

),

running as (

    select
        days.calendar_date, days.waterfall_form, days.period_grain, days.period_start, days.pipeline_key, days.owner_key, days.currency_code,
        coalesce(changed.position_count_delta, 0) as position_count_delta,
        coalesce(changed.position_amount_count_delta, 0) as position_amount_count_delta,
        coalesce(changed.position_amount_delta, 0) as position_amount_delta,
        sum(coalesce(changed.position_count_delta, 0)) over so_far as open_count,
        sum(coalesce(changed.position_amount_count_delta, 0)) over so_far as amount_count,
        sum(coalesce(changed.position_amount_delta, 0)) over so_far as open_amount,
        rates.exchange_rate,
        lag(rates.exchange_rate) over in_order as exchange_rate_before,
        coalesce(changed.movement_amount_delta, 0) as movement_amount_delta,
        {% for bucket in buckets -%}
        {% if bucket not in ('increased', 'decreased') -%}coalesce(changed.{{ bucket }}_count, 0) as {{ bucket }}_count,
        {% endif -%}
        coalesce(changed.{{ bucket }}_amount, 0) as {{ bucket }}_amount,
        {% endfor -%}
        {% for column in ['pipeline_moved_in_count', 'pipeline_moved_in_amount', 'pipeline_moved_out_count', 'pipeline_moved_out_amount',
                          'movement_count', 'unconverted_movement_count'] -%}
        coalesce(changed.{{ column }}, 0) as {{ column }}{{ ',' if not loop.last }}
        {% endfor %}
    from position_days as days
    left join {{ ref('mart_sales__waterfall_changes') }} as changed
        on changed.calendar_date = days.calendar_date
        {% for column in position -%}
        and changed.{{ column }} = days.{{ column }}
        {% endfor %}
    left join {{ ref('dim_exchange_rates') }} as rates
        on rates.rate_date = days.calendar_date and rates.from_currency_code = days.currency_code
        and rates.to_currency_code = '{{ var("currency") }}'
    window
        in_order as (partition by {% for column in position %}days.{{ column }}{{ ', ' if not loop.last }}{% endfor %} order by days.calendar_date),
        so_far as (
            partition by {% for column in position %}days.{{ column }}{{ ', ' if not loop.last }}{% endfor %} order by days.calendar_date
            rows between unbounded preceding and current row
        )

),

-- a position without a rate is worth nothing that can be told: its deals are counted as unconverted
valued as (

    select
        *,
        open_count - position_count_delta as opening_count,
        cast(round((open_amount - position_amount_delta) * coalesce(exchange_rate_before, 0), 2) as decimal(18, 2)) as opening_amount,
        cast(round((open_amount - position_amount_delta) * coalesce(exchange_rate, 0), 2) as decimal(18, 2)) as revalued_amount,
        cast(round((open_amount - position_amount_delta + movement_amount_delta) * coalesce(exchange_rate, 0), 2) as decimal(18, 2)) as moved_amount,
        cast(round(open_amount * coalesce(exchange_rate, 0), 2) as decimal(18, 2)) as closing_amount
    from running

)

select
    waterfall_form,
    period_grain,
    period_start,
    calendar_date,
    pipeline_key,
    owner_key,
    nullif(currency_code, '') as deal_currency_code,
    cast(opening_count as bigint) as opening_count,
    {% for bucket in buckets if bucket not in ('increased', 'decreased') -%}
    {{ bucket }}_count,
    {% endfor -%}
    cast(open_count as bigint) as closing_count,
    opening_amount,
    {% for bucket in buckets -%}
    {{ bucket }}_amount,
    {% endfor -%}
    -- what the ledger's movements add to the position, less the same deal by deal in cents: worked out without the closing amount
    cast(revalued_amount - opening_amount + rounding_amount as decimal(18, 2)) as exchange_rate_amount,
    rounding_amount,
    cast(case when (exchange_rate is null) <> (exchange_rate_before is null) then revalued_amount - opening_amount else 0 end as decimal(18, 2))
        as rate_gap_amount,
    closing_amount,
    pipeline_moved_in_count,
    pipeline_moved_in_amount,
    pipeline_moved_out_count,
    pipeline_moved_out_amount,
    movement_count,
    unconverted_movement_count,
    cast(case when exchange_rate_before is null then amount_count - position_amount_count_delta else 0 end as bigint) as opening_unconverted_count,
    cast(case when exchange_rate is null then amount_count else 0 end as bigint) as closing_unconverted_count
from (
    select
        *,
        cast(moved_amount - revalued_amount - (
            {%- for bucket, sign in buckets.items() %} {{ '+' if sign > 0 else '-' }} {{ bucket }}_amount{% endfor %}
        ) as decimal(18, 2)) as rounding_amount
    from valued
) as rounded
-- the eve of a period only carries what it opens with
where calendar_date >= period_start
