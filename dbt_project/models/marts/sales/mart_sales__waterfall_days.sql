with as_of as (

    select max(as_of_date) as as_of_date from {{ ref('mart_metrics__periods') }}

),

rated as (

    select distinct currency_code from {{ ref('mart_sales__foreign_rates') }}

),

-- what is in the reporting currency is worth its amount, what has a rate is in mart_sales__currency_days, the rest cannot be told
told as (

    {% for dimension in ['pipeline', 'owner'] -%}
    select
        '{{ dimension }}' as dimension, {{ dimension }}_key as member_key, calendar_date,
        sum(count_delta) as count_delta,
        sum(case when currency_code = '{{ var("currency") }}' then amount_delta else 0 end) as amount_delta,
        sum(case when currency_code <> '{{ var("currency") }}' and currency_code not in (select currency_code from rated)
            then amount_count_delta else 0 end) as unconverted_delta
    from {{ ref('mart_sales__open_positions_daily') }}
    group by {{ dimension }}_key, calendar_date
    union all
    {% endfor -%}
    -- a deal that came and went within a day changes nothing at its end, but begins the member's days
    select dimension, member_key, min(calendar_date), 0, 0, 0
    from {{ ref('mart_sales__pipeline_movements_daily') }}
    where bucket not in ('pulled_in', 'pushed_out')
    group by dimension, member_key

),

exchanged as (

    {% for dimension in ['pipeline', 'owner'] -%}
    select
        '{{ dimension }}' as dimension, {{ dimension }}_key as member_key, calendar_date
        {%- for column in ['opening_amount', 'closing_amount', 'exchange_rate_amount', 'rounding_amount', 'rate_gap_amount',
                           'opening_unconverted_count', 'closing_unconverted_count'] %},
        sum({{ column }}) as {{ column }}
        {%- endfor %}
    from {{ ref('mart_sales__currency_days') }}
    group by {{ dimension }}_key, calendar_date
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

member_days as (

    select members.dimension, members.member_key, dates.calendar_date
    from (select dimension, member_key, min(calendar_date) as first_date from told group by dimension, member_key) as members
    cross join as_of
    inner join {{ ref('dim_dates') }} as dates on dates.calendar_date >= members.first_date and dates.calendar_date <= as_of.as_of_date

),

changes as (

    select
        dimension, member_key, calendar_date,
        sum(count_delta) as count_delta, sum(amount_delta) as amount_delta, sum(unconverted_delta) as unconverted_delta
    from told
    group by dimension, member_key, calendar_date

),

running as (

    select
        days.dimension, days.member_key, days.calendar_date
        {%- for measure in ['count', 'amount', 'unconverted'] %},
        sum(coalesce(changes.{{ measure }}_delta, 0)) over so_far - coalesce(changes.{{ measure }}_delta, 0) as opening_{{ measure }},
        sum(coalesce(changes.{{ measure }}_delta, 0)) over so_far as closing_{{ measure }}
        {%- endfor %}
    from member_days as days
    left join changes
        on changes.dimension = days.dimension and changes.member_key = days.member_key and changes.calendar_date = days.calendar_date
    window so_far as (
        partition by days.dimension, days.member_key order by days.calendar_date rows between unbounded preceding and current row
    )

),

valued as (

    select
        running.dimension, running.member_key, running.calendar_date, running.opening_count, running.closing_count
        {%- for end in ['opening', 'closing'] %},
        running.{{ end }}_amount + coalesce(exchanged.{{ end }}_amount, 0) as {{ end }}_amount,
        running.{{ end }}_unconverted + coalesce(exchanged.{{ end }}_unconverted_count, 0) as {{ end }}_unconverted_count
        {%- endfor %}
        {%- for column in ['exchange_rate_amount', 'rounding_amount', 'rate_gap_amount'] %},
        coalesce(exchanged.{{ column }}, 0) as {{ column }}
        {%- endfor %}
    from running
    left join exchanged
        on exchanged.dimension = running.dimension and exchanged.member_key = running.member_key and exchanged.calendar_date = running.calendar_date

)

select
    dimension,
    member_key,
    calendar_date,
    cast(opening_count as bigint) as opening_count,
    cast(closing_count as bigint) as closing_count,
    {% for column in ['opening_amount', 'closing_amount', 'exchange_rate_amount', 'rounding_amount', 'rate_gap_amount'] -%}
    cast({{ column }} as decimal(18, 2)) as {{ column }},
    {% endfor -%}
    cast(opening_unconverted_count as bigint) as opening_unconverted_count,
    cast(closing_unconverted_count as bigint) as closing_unconverted_count
from valued
