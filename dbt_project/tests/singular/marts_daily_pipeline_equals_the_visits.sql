-- The daily pipeline at the end of the three newest months, told anew from the visits that were open then and the amounts in force then.
-- What is dated after the as-of counts on its day.
with as_of as (

    select {{ reporting_date('max(warehouse_data_through)') }} as as_of_date from {{ ref('dim_sources') }}

),

days as (

    select max(calendar_date) as calendar_date
    from {{ ref('mart_metrics__periods') }}
    where period_grain = 'month'
    group by period_start
    order by 1 desc
    limit 3

),

standing as (

    select days.calendar_date, visits.deal_key, visits.stage_key
    from {{ ref('fct_deal_stage_visits') }} as visits
    cross join as_of
    inner join days
        on least({{ reporting_date('visits.entered_at') }}, as_of.as_of_date) <= days.calendar_date
        and (visits.exited_at is null or least({{ reporting_date('visits.exited_at') }}, as_of.as_of_date) > days.calendar_date)
    where visits.stage_kind = 'open'

),

dated_changes as (

    select changes.*, least({{ reporting_date('changes.changed_at') }}, as_of.as_of_date) as changed_date
    from {{ ref('fct_deal_changes') }} as changes
    cross join as_of
    where changes.retracted_at is null

),

in_force as (

    select
        standing.calendar_date, standing.deal_key, standing.stage_key,
        max_by(coalesce(changes.new_value, ''), (changes.changed_at, changes.sequence, changes._record_number)) filter (where changes.field = 'amount') as amount,
        max_by(coalesce(changes.new_value, ''), (changes.changed_at, changes.sequence, changes._record_number)) filter (where changes.field = 'currency') as currency_code,
        max_by(coalesce(changes.new_value, ''), (changes.changed_at, changes.sequence, changes._record_number)) filter (where changes.field = 'owner') as owner_id
    from standing
    left join dated_changes as changes on changes.deal_key = standing.deal_key and changes.changed_date <= standing.calendar_date
    group by all

),

positions as (

    select
        in_force.calendar_date, in_force.stage_key,
        coalesce({{ stable_key('deals.source_system', 'deals.account', "nullif(in_force.owner_id, '')") }}, {{ unknown_key() }}) as owner_key,
        in_force.currency_code,
        count(*) as open_count,
        count(nullif(in_force.amount, '')) as amount_count,
        sum(coalesce(cast(nullif(in_force.amount, '') as decimal(18, 2)), 0)) as amount
    from in_force
    inner join {{ ref('dim_deals') }} as deals on deals.deal_key = in_force.deal_key
    group by all

),

counted as (

    select
        positions.calendar_date, positions.stage_key, positions.owner_key,
        cast(sum(positions.open_count) as bigint) as open_count,
        coalesce(sum({{ converted('positions.amount', 'rates.exchange_rate') }}), 0) as open_amount,
        cast(coalesce(sum(case when rates.exchange_rate is null then positions.amount_count end), 0) as bigint) as unconverted_count
    from positions
    left join {{ ref('dim_exchange_rates') }} as rates
        on rates.rate_date = positions.calendar_date and rates.from_currency_code = positions.currency_code
        and rates.to_currency_code = '{{ var("currency") }}'
    group by 1, 2, 3

),

told as (

    select daily.calendar_date, daily.stage_key, daily.owner_key, daily.open_count, daily.open_amount, daily.unconverted_count
    from {{ ref('mart_sales__pipeline_daily') }} as daily
    inner join days on days.calendar_date = daily.calendar_date

)

select 'only in mart_sales__pipeline_daily' as where_it_stands, *, 'The running sum and the visits of that day disagree: look at mart_sales__pipeline_changes_daily.' as likely_cause
from (select * from told except all select * from counted)
union all
select 'not in mart_sales__pipeline_daily', *, 'The running sum and the visits of that day disagree: look at mart_sales__pipeline_changes_daily.'
from (select * from counted except all select * from told)
