-- Every day up to the as-of belongs to one period of every grain; periods follow each other without gap, and end where the next begins.
with periods as (

    select * from {{ ref('mart_metrics__periods') }}

),

days as (

    select calendar_date from {{ ref('dim_dates') }}
    where calendar_date <= (select {{ reporting_date('max(warehouse_data_through)') }} from {{ ref('dim_sources') }})

),

wanted as (

    select days.calendar_date, grains.period_grain
    from days
    cross join (values ('day'), ('week'), ('month'), ('quarter'), ('year'), ('all')) as grains (period_grain)

)

select
    coalesce(periods.period_grain, wanted.period_grain) as period_grain,
    coalesce(periods.calendar_date, wanted.calendar_date) as calendar_date,
    periods.period_start, periods.next_period_start, periods.prior_period_start,
    'A day is missing, doubled or in another period: look at the arithmetic of this grain in mart_metrics__periods.' as likely_cause
from periods
full join wanted on wanted.calendar_date = periods.calendar_date and wanted.period_grain = periods.period_grain
where
    periods.calendar_date is null
    or wanted.calendar_date is null
    or periods.as_of_date <> (select max(calendar_date) from days)
    or periods.is_complete_period <> (periods.next_period_start <= (select max(calendar_date) from days))
    or (periods.period_grain <> 'all' and (
        periods.period_start <> date_trunc(periods.period_grain, periods.calendar_date)
        or periods.next_period_start <= periods.calendar_date
        or date_trunc(periods.period_grain, periods.next_period_start - 1) <> periods.period_start
        or date_trunc(periods.period_grain, periods.next_period_start) <> periods.next_period_start
        or periods.prior_period_start is distinct from date_trunc(periods.period_grain, periods.period_start - 1)
    ))
    or (periods.period_grain = 'all' and (
        periods.period_start <> (select min(calendar_date) from days)
        or periods.next_period_start <> periods.as_of_date + 1
        or periods.prior_period_start is not null
    ))
union all
select period_grain, calendar_date, null, null, null, 'The day stands twice in one grain.'
from periods
group by period_grain, calendar_date
having count(*) > 1
