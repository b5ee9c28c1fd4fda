-- a yearly quota and its quarters may both be given: the narrowest one counts
with quota_days as (

    select
        *,
        min(day_count) over (partition by pipeline_key, owner_key, calendar_date) as narrowest_day_count
    from (
        select
            pipeline_key, owner_key, period_start_date, period_end_date, booked_amount,
            period_end_date - period_start_date + 1 as day_count,
            {{ days_between('period_start_date', 'period_end_date', 'calendar_date') }}
        from {{ ref('fct_quotas') }}
    ) as days

),

-- a member's own quota, or what the quotas within it add up to: of the company those of its pipelines, else of its owners, else of owners in pipelines
member_days as (

    select
        *,
        min(detail) over (partition by dimension, dimension_key, calendar_date) as coarsest_detail
    from (
        select
            'all' as dimension, 'all' as dimension_key, quota_days.*,
            case when owner_key is null then 1 else 3 end + case when pipeline_key is null then 0 else 1 end as detail
        from quota_days

        union all

        select 'pipeline', cast(pipeline_key as varchar), quota_days.*, case when owner_key is null then 1 else 2 end
        from quota_days
        where pipeline_key is not null

        union all

        select 'owner', cast(owner_key as varchar), quota_days.*, case when pipeline_key is null then 1 else 2 end
        from quota_days
        where owner_key is not null
    ) as members
    where day_count = narrowest_day_count

),

-- a team's quota is those of its sellers
members as (

    select calendar_date, dimension, dimension_key, period_start_date, period_end_date, day_count, booked_amount
    from member_days
    where detail = coarsest_detail

    union all

    select
        days.calendar_date, 'team', coalesce(owners.team_name, 'unknown'), days.period_start_date, days.period_end_date, days.day_count, days.booked_amount
    from member_days as days
    left join {{ ref('dim_owners') }} as owners on owners.owner_key = days.owner_key
    where days.dimension = 'owner' and days.detail = days.coarsest_detail

)

select
    calendar_date,
    dimension,
    dimension_key,
    period_start_date as quota_start_date,
    period_end_date as quota_end_date,
    cast(day_count as bigint) as day_count,
    count(*) as quota_count,
    cast(coalesce(sum(booked_amount), 0) as decimal(18, 2)) as quota_amount,
    count(*) filter (where booked_amount is null) as unconverted_count,
    '{{ var("currency") }}' as currency_code,
    'booked' as amount_basis
from members
group by 1, 2, 3, 4, 5, 6
