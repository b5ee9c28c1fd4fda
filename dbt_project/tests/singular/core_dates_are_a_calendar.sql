-- The calendar has every day from the first deal, lead, spend, cost or payment to a year past the as-of, and each day's week, month, quarter and year told another way.
select
    calendar_date, iso_year, iso_week, week_start_date, month_start_date, quarter_start_date, year_start_date,
    'A day is missing, or stands in another week, month, quarter or year: look at dim_dates.' as likely_cause
from {{ ref('dim_dates') }}
qualify
    day_of_week <> (case dayofweek(calendar_date) when 0 then 7 else dayofweek(calendar_date) end)
    or is_weekend <> (dayname(calendar_date) in ('Saturday', 'Sunday'))
    or iso_week <> cast(strftime(calendar_date, '%V') as bigint)
    or iso_year <> cast(strftime(calendar_date, '%G') as bigint)
    or week_start_date <> calendar_date - cast(day_of_week - 1 as integer)
    or month_start_date <> make_date(year(calendar_date), month(calendar_date), 1)
    or quarter_start_date <> make_date(year(calendar_date), (quarter(calendar_date) - 1) * 3 + 1, 1)
    or year_start_date <> make_date(year(calendar_date), 1, 1)
    or lead(calendar_date) over (order by calendar_date) <> calendar_date + 1
union all
select bounds.first_date, null, null, null, null, null, null, 'The calendar begins or ends elsewhere than the first event and a year past the as-of.'
from (select min(calendar_date) as first_date, max(calendar_date) as last_date from {{ ref('dim_dates') }}) as bounds
where
    bounds.first_date <> (
        select min(event_date)
        from (
            select {{ reporting_date('min(created_at)') }} as event_date from {{ ref('int_crm__deals') }}
            union all
            select {{ reporting_date('min(created_at)') }} from {{ ref('int_crm__leads') }}
            union all
            select min(spend_date) from {{ ref('int_crm__marketing_spend') }}
            union all
            select min(period_start_date) from {{ ref('int_crm__process_costs') }}
            union all
            select {{ reporting_date('min(paid_at)') }} from {{ ref('int_crm__payments') }}
        ) as events
    )
    or bounds.last_date <> (select {{ reporting_date('max(warehouse_data_through)') }} + interval 1 year from {{ ref('dim_sources') }})
