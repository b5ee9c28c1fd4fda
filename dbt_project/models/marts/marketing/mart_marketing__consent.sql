with as_of as (

    select max(warehouse_data_through) as data_through
    from {{ ref('dim_sources') }}

),

events as (

    -- a contact, and a permission, counts from the day on which both are there
    select created_date as calendar_date, created_at as happened_at, 1 as contacts, 0 as permissions
    from {{ ref('mart_marketing__contact_permissions') }}

    union all

    select {{ reporting_date('greatest(permitted_from, created_at)') }}, permitted_from, 0, 1
    from {{ ref('mart_marketing__contact_permissions') }}
    where permitted_from is not null and (permitted_until is null or permitted_until > created_at)

    union all

    select {{ reporting_date('permitted_until') }}, permitted_until, 0, -1
    from {{ ref('mart_marketing__contact_permissions') }}
    where permitted_until > created_at

),

-- who was known before the calendar begins is known on its first day
calendar as (

    select min(calendar_date) as first_date from {{ ref('mart_metrics__periods') }}

),

by_day as (

    select greatest(events.calendar_date, calendar.first_date) as calendar_date, sum(events.contacts) as contacts, sum(events.permissions) as permissions
    from events
    cross join as_of
    cross join calendar
    where events.happened_at <= as_of.data_through
    group by greatest(events.calendar_date, calendar.first_date)

),

by_period as (

    select
        periods.period_grain,
        periods.period_start,
        periods.is_complete_period,
        coalesce(sum(by_day.contacts), 0) as contacts,
        coalesce(sum(by_day.permissions), 0) as permissions
    from {{ ref('mart_metrics__periods') }} as periods
    left join by_day on by_day.calendar_date = periods.calendar_date
    where periods.period_grain <> 'day'
    group by 1, 2, 3

),

at_the_end as (

    select
        period_grain,
        period_start,
        is_complete_period,
        sum(contacts) over so_far as contact_count,
        sum(permissions) over so_far as consented_count
    from by_period
    window so_far as (partition by period_grain order by period_start)

)

select
    period_grain,
    period_start,
    is_complete_period,
    'all' as dimension,
    'all' as dimension_key,
    'all' as dimension_value,
    cast(contact_count as bigint) as contact_count,
    cast(consented_count as bigint) as consented_count,
    {{ safe_ratio('consented_count', 'contact_count') }} as consent_rate,
    {{ wilson_low('consented_count', 'contact_count') }} as consent_rate_low,
    {{ wilson_high('consented_count', 'contact_count') }} as consent_rate_high
from at_the_end
