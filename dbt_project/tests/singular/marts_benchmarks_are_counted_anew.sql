-- What stands beside the published figures is counted lead by lead, and e-mail by e-mail: who was qualified by marketing before or at the hand-over was verified, all others went straight to sales.
with leads as (

    select
        case when first_mql_at is not null then 1 else 0 end as is_marketings,
        case when first_sql_at is not null then 1 else 0 end as is_sales,
        case when first_sql_at is not null and first_mql_at is not null and not first_mql_at > first_sql_at then 1 else 0 end as is_verified,
        case when is_customer then 1 else 0 end as is_customer,
        case when fits_target then 1 else 0 end as fits,
        case when fits_target is null then 0 else 1 end as is_judged
    from {{ ref('mart_marketing__leads') }}

),

days as (

    select distinct owner_key, {{ reporting_date('happened_at') }} as working_date
    from {{ ref('fct_activities') }}
    where not is_deleted and happened_at <= (select max(warehouse_data_through) from {{ ref('dim_sources') }})

),

-- the days on which we tried a contact, but for those whose every attempt may still be answered
attempts as (

    select method, contact_key, attempted_date, bool_or(is_answered) as is_answered
    from {{ ref('mart_marketing__contact_attempts') }}
    group by 1, 2, 3
    having not bool_and(is_waiting)

),

counted as (

    select 'marketing leads that never become sales' as benchmark, sum(is_marketings * (1 - is_customer)) as numerator, sum(is_marketings) as denominator from leads
    union all
    select 'leads sent straight to sales', sum(is_sales - is_verified), sum(is_sales) from leads
    union all
    select 'qualified among the leads sent straight to sales', sum((is_sales - is_verified) * fits), case when sum(is_judged) > 0 then sum(is_sales - is_verified) end from leads
    union all
    select 'leads verified before the hand-over', sum(is_verified), sum(is_sales) from leads
    union all
    select 'leads that never close', sum(1 - is_customer), count(*) from leads
    union all
    select
        case attempts.method when 'email' then 'answers to e-mail' else 'answers to telephone' end,
        count(distinct case when attempts.is_answered then attempts.contact_key end),
        count(distinct attempts.contact_key)
    from attempts
    where attempts.method in ('email', 'telephone')
    group by 1
    union all
    select
        'e-mails a day per business person',
        (
            select count(*)
            from {{ ref('fct_activities') }} as mails
            where mails.activity_type = 'email' and not mails.is_deleted and mails.owner_key <> {{ unknown_key() }}
                and mails.happened_at <= (select max(warehouse_data_through) from {{ ref('dim_sources') }})
        ),
        (select count(*) from days where owner_key <> {{ unknown_key() }})

)

select
    told.benchmark, told.own_numerator, counted.numerator, told.own_denominator, counted.denominator, told.own_value, told.difference,
    'mart_metrics__benchmarks counts other leads or e-mails than there are, or compares them with another figure.' as likely_cause
from {{ ref('mart_metrics__benchmarks') }} as told
inner join counted on counted.benchmark = told.benchmark
where coalesce(told.own_numerator, 0) <> coalesce(counted.numerator, 0)
    or coalesce(told.own_denominator, 0) <> coalesce(counted.denominator, 0)
    or abs(told.own_value - cast(counted.numerator as double) / counted.denominator) > 1e-9
    or abs(told.difference - (cast(counted.numerator as double) / counted.denominator - told.published_value)) > 1e-9
    or (coalesce(counted.denominator, 0) > 0) <> (told.own_value is not null and told.difference is not null and told.own_missing_reason is null)
    or (told.own_missing_reason is null) <> (coalesce(counted.denominator, 0) > 0)
    or (told.unit = 'rate' and told.own_value is not null) <> (told.own_value_low is not null and told.own_value_high is not null)
    or (coalesce(told.own_denominator, 0) = 0 and coalesce(told.own_value_low, told.own_value_high) is not null)
