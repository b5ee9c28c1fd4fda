-- What was open when a period began, and when it ended, and was to close in it, counted from the versions of the deals, in each currency; periods that are over.
with as_of as (

    select max(as_of_date) as as_of_date from {{ ref('mart_metrics__periods') }}

),

positions as (

    select
        periods.period_grain, periods.period_start, coalesce(versions.currency_code, '') as currency_code, versions.deal_amount,
        least(versions.valid_from_date, as_of.as_of_date) < periods.period_start
            and (versions.valid_to_date is null or least(versions.valid_to_date, as_of.as_of_date) >= periods.period_start) as is_opening,
        least(versions.valid_from_date, as_of.as_of_date) < periods.next_period_start
            and (versions.valid_to_date is null or least(versions.valid_to_date, as_of.as_of_date) >= periods.next_period_start) as is_closing
    from {{ ref('fct_deal_versions') }} as versions
    cross join as_of
    inner join {{ ref('mart_metrics__periods') }} as periods
        on periods.calendar_date = versions.expected_close_date and periods.period_grain in ('week', 'month') and periods.is_complete_period
    where versions.deal_status = 'open'

),

counted as (

    select
        period_grain, period_start, currency_code,
        {% for end in ['opening', 'closing'] -%}
        sum(case when is_{{ end }} then 1 else 0 end) as {{ end }}_count, sum(case when is_{{ end }} then coalesce(deal_amount, 0) else 0 end) as {{ end }}_amount{{ ',' if not loop.last }}
        {% endfor %}
    from positions
    group by 1, 2, 3
    having sum(case when is_opening or is_closing then 1 else 0 end) > 0

),

told as (

    select
        period_grain, period_start, currency_code, sum(opening_count) as opening_count, sum(opening_amount) as opening_amount,
        sum(closing_count) as closing_count, sum(closing_amount) as closing_amount
    from {{ ref('mart_sales__open_positions_by_close') }}
    where (period_grain, period_start) in (
        select (period_grain, period_start) from {{ ref('mart_metrics__periods') }} where period_grain in ('week', 'month') and is_complete_period)
    group by 1, 2, 3

)

select
    coalesce(told.period_grain, counted.period_grain) as period_grain, coalesce(told.period_start, counted.period_start) as period_start,
    coalesce(told.currency_code, counted.currency_code) as currency_code,
    told.opening_count, counted.opening_count as counted_opening, told.opening_amount, counted.opening_amount as counted_opening_amount,
    told.closing_count, counted.closing_count as counted_closing, told.closing_amount, counted.closing_amount as counted_closing_amount,
    'A deal that was to close in the period is missing or doubled, or worth something else: look at mart_sales__open_positions_by_close.' as likely_cause
from told
full join counted
    on counted.period_grain = told.period_grain and counted.period_start = told.period_start and counted.currency_code = told.currency_code
where told.opening_count is distinct from counted.opening_count or told.opening_amount is distinct from counted.opening_amount
    or told.closing_count is distinct from counted.closing_count or told.closing_amount is distinct from counted.closing_amount
