{%- set grains = {'day': '1 day', 'week': '7 day', 'month': '1 month', 'quarter': '3 month', 'year': '12 month'} -%}
with as_of as (

    select max(as_of_date) as as_of_date from {{ ref('mart_metrics__periods') }}

),

-- what a deal was at the end of a day counts from that day until the day it changed again
end_of_day as (

    select
        least(versions.valid_from_date, as_of.as_of_date) as from_date,
        case when versions.valid_to_date is null then date '9999-12-31' else least(versions.valid_to_date, as_of.as_of_date) end as to_date,
        versions.expected_close_date,
        versions.pipeline_key,
        versions.owner_key,
        coalesce(versions.currency_code, '') as currency_code,
        versions.deal_amount
    from {{ ref('fct_deal_versions') }} as versions
    cross join as_of
    where versions.deal_status = 'open' and versions.expected_close_date is not null

),

-- the period of each grain that a close lies in: its first day, and the day after its last one that has passed
starts as (

    select
        expected_close_date
        {%- for grain in grains %},
        cast(date_trunc('{{ grain }}', expected_close_date) as date) as {{ grain }}_start
        {%- endfor %}
    from (select distinct expected_close_date from end_of_day) as closes

),

ends as (

    select
        starts.*
        {%- for grain, length in grains.items() %},
        least(cast(starts.{{ grain }}_start + interval {{ length }} as date), cast(as_of.as_of_date + interval 1 day as date)) as {{ grain }}_end
        {%- endfor %}
    from starts
    cross join as_of

),

-- in which grains it was open before the period of its close began, and in which when that period ended: sums of grain_flags
flagged as (

    select
        positions.*,
        {%- for end in ['opening', 'closing'] %}
        {%- set column = 'start' if end == 'opening' else 'end' %}
        {% for grain in grains -%}
        {{ '+ ' if not loop.first }}case when closes.{{ grain }}_start < closes.{{ grain }}_end and positions.from_date < closes.{{ grain }}_{{ column }}
            and positions.to_date >= closes.{{ grain }}_{{ column }} then {{ 2 ** loop.index0 }} else 0 end
        {%- endfor %} as {{ end }}_grains{{ ',' if not loop.last }}
        {%- endfor %}
    from end_of_day as positions
    inner join ends as closes on positions.expected_close_date = closes.expected_close_date
    where positions.from_date < positions.to_date

),

by_close as (

    select
        expected_close_date, pipeline_key, owner_key, currency_code, opening_grains, closing_grains,
        count(*) as deal_count, count(deal_amount) as amount_count, coalesce(sum(deal_amount), 0) as amount
    from flagged
    where opening_grains + closing_grains > 0
    group by expected_close_date, pipeline_key, owner_key, currency_code, opening_grains, closing_grains

),

grains (period_grain, grain_flag) as (

    {{ grain_flags() }}

)

select
    grains.period_grain,
    {{ period_start_of('grains.period_grain', 'by_close.expected_close_date') }} as period_start,
    by_close.pipeline_key,
    by_close.owner_key,
    by_close.currency_code,
    {% for end in ['opening', 'closing'] -%}
    {% for measure, column in {'count': 'deal_count', 'amount_count': 'amount_count', 'amount': 'amount'}.items() -%}
    cast(sum(case when (by_close.{{ end }}_grains & grains.grain_flag) > 0 then by_close.{{ column }} else 0 end)
        as {{ 'decimal(18, 2)' if measure == 'amount' else 'bigint' }}) as {{ end }}_{{ measure }}{{ ',' if not (end == 'closing' and loop.last) }}
    {% endfor -%}
    {% endfor -%}
from by_close
inner join grains on ((by_close.opening_grains | by_close.closing_grains) & grains.grain_flag) > 0
group by 1, 2, 3, 4, 5
