{%- set measures = {
    'opening_count': 'bigint', 'closing_count': 'bigint', 'opening_amount': 'decimal(18, 2)', 'closing_amount': 'decimal(18, 2)',
    'opening_unconverted_count': 'bigint', 'closing_unconverted_count': 'bigint', 'exchange_rate_amount': 'decimal(18, 2)',
    'rounding_amount': 'decimal(18, 2)', 'rate_gap_amount': 'decimal(18, 2)',
} -%}
with rates as (

    select * from {{ ref('mart_sales__foreign_rates') }}

),

periods as (

    select period_grain, period_start, min(calendar_date) as first_date, max(calendar_date) as last_date
    from {{ ref('mart_metrics__periods') }}
    where period_grain <> 'all'
    group by period_grain, period_start

),

all_open as (

    select
        'all_open' as waterfall_form, periods.period_grain, periods.period_start, days.dimension, days.member_key
        {%- for measure in measures %},
        {% if measure.startswith('opening_') -%}
        case when days.calendar_date = periods.period_start then days.{{ measure }} else 0 end as {{ measure }}
        {%- elif measure.startswith('closing_') -%}
        case when days.calendar_date = periods.last_date then days.{{ measure }} else 0 end as {{ measure }}
        {%- else -%}
        days.{{ measure }}
        {%- endif %}
        {%- endfor %}
    from {{ ref('mart_sales__waterfall_days') }} as days
    inner join {{ ref('mart_metrics__periods') }} as calendar on days.calendar_date = calendar.calendar_date
    inner join periods on calendar.period_grain = periods.period_grain and calendar.period_start = periods.period_start

),

closing as (

    select
        positions.period_grain, positions.period_start, positions.pipeline_key, positions.owner_key, positions.opening_count, positions.closing_count
        {%- for end, rate in {'opening': 'first_rates.rate_before', 'closing': 'last_rates.exchange_rate'}.items() %},
        case when positions.currency_code = '{{ var("currency") }}' then positions.{{ end }}_amount
            else coalesce({{ converted('positions.' ~ end ~ '_amount', rate) }}, 0) end as {{ end }}_amount,
        case when positions.currency_code = '{{ var("currency") }}' or {{ rate }} is not null then 0 else positions.{{ end }}_amount_count end
            as {{ end }}_unconverted_count
        {%- endfor %},
        0 as exchange_rate_amount, 0 as rounding_amount, 0 as rate_gap_amount
    from {{ ref('mart_sales__open_positions_by_close') }} as positions
    inner join periods on positions.period_grain = periods.period_grain and positions.period_start = periods.period_start
    left join rates as first_rates on periods.first_date = first_rates.calendar_date and positions.currency_code = first_rates.currency_code
    left join rates as last_rates on periods.last_date = last_rates.calendar_date and positions.currency_code = last_rates.currency_code

    union all

    select period_grain, period_start, pipeline_key, owner_key, 0, 0, 0, 0, 0, 0, exchange_rate_amount, rounding_amount, rate_gap_amount
    from {{ ref('mart_sales__currency_closing_days') }}

),

members as (

    select waterfall_form, period_grain, period_start, dimension, member_key
        {%- for measure in measures %}, {{ measure }}{% endfor %}
    from all_open
    {% for dimension in ['pipeline', 'owner'] %}
    union all

    select 'closing_in_period', period_grain, period_start, '{{ dimension }}', {{ dimension }}_key
        {%- for measure in measures %}, {{ measure }}{% endfor %}
    from closing
    {% endfor %}

),

dimensions as (

    select members.*, cast(members.member_key as varchar) as dimension_key from members
    union all
    select members.*, 'all' from members where members.dimension = 'pipeline'

)

select
    waterfall_form,
    period_grain,
    period_start,
    case when dimension_key = 'all' then 'all' else dimension end as dimension,
    dimension_key
    {%- for measure, kind in measures.items() %},
    cast(sum({{ measure }}) as {{ kind }}) as {{ measure }}
    {%- endfor %}
from dimensions
group by 1, 2, 3, 4, 5
