with as_of as (

    select {{ reporting_date('max(warehouse_data_through)') }} as as_of_date
    from {{ ref('dim_sources') }}

),

days as (

    select dates.*, as_of.as_of_date
    from {{ ref('dim_dates') }} as dates
    cross join as_of
    where dates.calendar_date <= as_of.as_of_date

),

grains as (

    select calendar_date, as_of_date, 'day' as period_grain, calendar_date as period_start,
        cast(calendar_date + interval 1 day as date) as next_period_start,
        cast(calendar_date - interval 1 day as date) as prior_period_start
    from days

    union all

    select calendar_date, as_of_date, 'week', week_start_date,
        cast(week_start_date + interval 7 day as date), cast(week_start_date - interval 7 day as date)
    from days

    union all

    select calendar_date, as_of_date, 'month', month_start_date,
        cast(month_start_date + interval 1 month as date), cast(month_start_date - interval 1 month as date)
    from days

    union all

    select calendar_date, as_of_date, 'quarter', quarter_start_date,
        cast(quarter_start_date + interval 3 month as date), cast(quarter_start_date - interval 3 month as date)
    from days

    union all

    select calendar_date, as_of_date, 'year', year_start_date,
        cast(year_start_date + interval 12 month as date), cast(year_start_date - interval 12 month as date)
    from days

    union all

    select calendar_date, as_of_date, 'all', min(calendar_date) over (),
        cast(as_of_date + interval 1 day as date), cast(null as date)
    from days

)

select
    period_grain,
    calendar_date,
    period_start,
    next_period_start,
    prior_period_start,
    as_of_date,
    next_period_start <= as_of_date as is_complete_period
from grains
