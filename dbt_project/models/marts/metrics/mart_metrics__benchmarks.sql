with leads as (

    select
        count(*) as lead_count,
        count(*) filter (where not is_customer) as never_closed_count,
        count(first_mql_at) as mql_count,
        count(first_mql_at) filter (where not is_customer) as mql_never_closed_count,
        count(first_sql_at) as sql_count,
        count(*) filter (where first_mql_at <= first_sql_at) as verified_count,
        count(first_sql_at) filter (where coalesce(first_mql_at > first_sql_at, true)) as straight_count,
        count(first_sql_at) filter (where coalesce(first_mql_at > first_sql_at, true) and fits_target) as straight_fitting_count,
        count(fits_target) as judged_count
    from {{ ref('mart_marketing__leads') }}

),

emails as (

    select sum(email_count) as email_count, count(*) as working_day_count
    from (
        select owner_key, {{ reporting_date('happened_at') }} as working_date, count(*) filter (where activity_type = 'email') as email_count
        from {{ ref('fct_activities') }}
        where not is_deleted and owner_key <> {{ unknown_key() }}
            and happened_at <= (select max(warehouse_data_through) from {{ ref('dim_sources') }})
        group by 1, 2
    ) as working_days

),

own as (

    select 'marketing leads that never become sales' as benchmark, mql_never_closed_count as own_numerator, mql_count as own_denominator from leads
    union all
    select 'leads sent straight to sales', straight_count, sql_count from leads
    union all
    select 'qualified among the leads sent straight to sales', straight_fitting_count, case when judged_count > 0 then straight_count end from leads
    union all
    select 'leads verified before the hand-over', verified_count, sql_count from leads
    union all
    select 'leads that never close', never_closed_count, lead_count from leads
    union all
    select 'answers to ' || case dimension_key when 'email' then 'e-mail' else dimension_key end, answered_count, attempted_count
    from {{ ref('mart_marketing__responses') }}
    where response_kind = 'contact_attempt' and period_grain = 'all' and dimension_key in ('email', 'telephone')
    union all
    select 'e-mails a day per business person', email_count, working_day_count from emails

)

select
    published.benchmark,
    published.benchmark_order,
    published.published_value,
    published.unit,
    published.published_as,
    published.source,
    cast(own.own_numerator as bigint) as own_numerator,
    cast(own.own_denominator as bigint) as own_denominator,
    {{ safe_ratio('own.own_numerator', 'own.own_denominator') }} as own_value,
    case when published.unit = 'rate' then {{ wilson_low('own.own_numerator', 'own.own_denominator') }} end as own_value_low,
    case when published.unit = 'rate' then {{ wilson_high('own.own_numerator', 'own.own_denominator') }} end as own_value_high,
    {{ safe_ratio('own.own_numerator', 'own.own_denominator') }} - published.published_value as difference,
    case when coalesce(own.own_denominator, 0) = 0 then 'nothing_to_measure' end as own_missing_reason
from {{ ref('benchmarks') }} as published
left join own on own.benchmark = published.benchmark
