-- What was expected is what the waterfall opened with; a quota's shares of the months of a quarter, and of the quarters of a year, add up to it; every day of a quota
-- belongs to one plan of a member.
select
    told.period_grain, told.period_start, told.dimension_value, told.expected_amount as told_amount, opening.opening_amount as counted_amount,
    'The expected amount is not the opening of the waterfall of the period''s closes.' as likely_cause
from {{ ref('mart_sales__coverage') }} as told
full join (
    select * from {{ ref('mart_sales__pipeline_waterfall') }}
    where waterfall_form = 'closing_in_period' and period_grain in ('month', 'quarter', 'year') and opening_count > 0
) as opening
    on opening.period_grain = told.period_grain and opening.period_start = told.period_start
    and opening.dimension = told.dimension and opening.dimension_key = told.dimension_key
where coalesce(told.expected_amount, -1) <> coalesce(opening.opening_amount, 0)
    or coalesce(told.expected_count, -1) <> coalesce(opening.opening_count, 0)

union all

select told.period_grain, told.period_start, told.dimension_value, told.quota_amount, counted.quota_amount, 'A quota''s days are not shared out as they lie in the periods.'
from {{ ref('mart_sales__coverage') }} as told
inner join (
    select
        periods.period_grain, periods.period_start, days.dimension, days.dimension_key,
        sum(days.quota_amount / days.day_count) as quota_amount, sum(days.unconverted_count) as unconverted_count
    from {{ ref('mart_sales__quota_days') }} as days
    inner join (select distinct period_grain, period_start, next_period_start from {{ ref('mart_metrics__periods') }}) as periods
        on days.calendar_date >= periods.period_start and days.calendar_date < periods.next_period_start
    group by 1, 2, 3, 4
) as counted
    on counted.period_grain = told.period_grain and counted.period_start = told.period_start
    and counted.dimension = told.dimension and counted.dimension_key = told.dimension_key
where counted.unconverted_count = 0 and abs(coalesce(told.quota_amount, -1) - counted.quota_amount) > 0.006

union all

select 'day', calendar_date, dimension || ' ' || dimension_key, sum(quota_amount), count(*), 'A day of a member''s quota is counted twice.'
from {{ ref('mart_sales__quota_days') }}
where dimension <> 'all'
group by calendar_date, dimension, dimension_key, quota_start_date, quota_end_date
having count(*) > 1

union all

-- on the first day of a quota the company has what the coarsest of its narrowest quotas say: its own, else those of pipelines, of owners, of owners in pipelines
select 'day', counted.calendar_date, 'all', told.quota_amount, counted.quota_amount, 'Another quota counts for the company than the coarsest of its narrowest.'
from (
    select calendar_date, coalesce(sum(booked_amount), 0) as quota_amount
    from (
        select
            starts.calendar_date, quotas.booked_amount,
            case when quotas.owner_key is null then 1 else 3 end + case when quotas.pipeline_key is null then 0 else 1 end as detail
        from (select distinct period_start_date as calendar_date from {{ ref('fct_quotas') }}) as starts
        inner join {{ ref('fct_quotas') }} as quotas on starts.calendar_date between quotas.period_start_date and quotas.period_end_date
        qualify quotas.period_end_date - quotas.period_start_date = min(quotas.period_end_date - quotas.period_start_date) over (
            partition by starts.calendar_date, quotas.pipeline_key, quotas.owner_key)
    ) as narrowest
    where detail = (
        select min(case when coarser.owner_key is null then 1 else 3 end + case when coarser.pipeline_key is null then 0 else 1 end)
        from {{ ref('fct_quotas') }} as coarser
        where narrowest.calendar_date between coarser.period_start_date and coarser.period_end_date)
    group by calendar_date
) as counted
left join (
    select calendar_date, sum(quota_amount) as quota_amount from {{ ref('mart_sales__quota_days') }} where dimension = 'all' group by calendar_date
) as told on told.calendar_date = counted.calendar_date
where coalesce(told.quota_amount, -1) <> counted.quota_amount

union all

select
    'day', calendar_date, 'team', sum(case when dimension = 'team' then quota_amount end), sum(case when dimension = 'owner' then quota_amount end),
    'The quotas of the teams are not those of their sellers.'
from {{ ref('mart_sales__quota_days') }}
group by calendar_date
having sum(case when dimension = 'team' then quota_amount else 0 end) <> sum(case when dimension = 'owner' then quota_amount else 0 end)
