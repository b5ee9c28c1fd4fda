with

bounds as (

    -- Leads and the money spent on them come before their deals. A company that has nothing yet begins today.
    select
        least(
            (select {{ reporting_date('min(created_at)') }} from {{ ref('int_crm__deals') }}),
            (select {{ reporting_date('min(created_at)') }} from {{ ref('int_crm__leads') }}),
            (select min(spend_date) from {{ ref('int_crm__marketing_spend') }}),
            (select min(period_start_date) from {{ ref('int_crm__process_costs') }}),
            (select {{ reporting_date('min(paid_at)') }} from {{ ref('int_crm__payments') }}),
            {{ reporting_date('max(warehouse_data_through)') }}
        ) as first_date,
        {{ reporting_date('max(warehouse_data_through)') }} as as_of_date
    from {{ ref('dim_sources') }}

),

days as (

    select {{ days_between('first_date', "as_of_date + interval '1' year", 'calendar_date') }}
    from bounds

)

select
    calendar_date,
    cast(extract(isodow from calendar_date) as bigint) as day_of_week,
    extract(isodow from calendar_date) >= 6 as is_weekend,
    cast(extract(isoyear from calendar_date) as bigint) as iso_year,
    cast(extract(week from calendar_date) as bigint) as iso_week,
    cast(date_trunc('week', calendar_date) as date) as week_start_date,
    cast(date_trunc('month', calendar_date) as date) as month_start_date,
    cast(date_trunc('quarter', calendar_date) as date) as quarter_start_date,
    cast(date_trunc('year', calendar_date) as date) as year_start_date
from days
