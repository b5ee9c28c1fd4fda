-- A deal is expected in a period if, of what was known when it began, no later plan replaced one for a day of it, and it was open on the eve. What became
-- of it is what its closes and its end say.
with changes as (

    select
        deal_key, cast(new_value as date) as planned_date, (changed_at, sequence, _record_number) as place,
        {{ reporting_date('changed_at') }} as changed_date, {{ reporting_date('known_at') }} as known_date, {{ reporting_date('retracted_at') }} as retracted_date
    from {{ ref('fct_deal_changes') }}
    where field = 'expected_close'

),

periods as (

    select distinct period_grain, period_start, next_period_start, is_complete_period
    from {{ ref('mart_metrics__periods') }}
    where period_grain not in ('all', 'day', 'year')

),

plans as (

    select change.deal_key, change.planned_date, periods.*
    from changes as change
    inner join periods on change.planned_date >= periods.period_start and change.planned_date < periods.next_period_start
    where
        greatest(change.changed_date, change.known_date) < periods.period_start and coalesce(change.retracted_date >= periods.period_start, true)
        and not exists (
            select 1
            from changes as later
            where later.deal_key = change.deal_key and later.place > change.place
                and greatest(later.changed_date, later.known_date) < periods.period_start and coalesce(later.retracted_date >= periods.period_start, true)
        )

),

closed as (

    select
        plans.deal_key, plans.period_grain, plans.period_start, min(close.closed_date) as closed_date, max(close.close_group = 'won') as is_won
    from plans
    inner join {{ ref('mart_sales__closes') }} as close
        on close.deal_key = plans.deal_key and close.closed_date >= plans.period_start and close.closed_date < plans.next_period_start
    group by plans.deal_key, plans.period_grain, plans.period_start

),

wanted as (

    select
        plans.period_grain, plans.period_start, plans.is_complete_period, plans.deal_key, deal.source_deal_id, plans.planned_date as expected_close_date,
        deal.expected_close_date as expected_close_date_now, version.pipeline_key, version.stage_key, version.owner_key,
        cast(version.deal_amount * rate.exchange_rate as decimal(18, 2)) as expected_amount,
        version.deal_amount is not null and rate.exchange_rate is null as is_unconverted,
        closed.closed_date, closed.closed_date is not null as is_closed_in_period, closed.is_won is not null and closed.is_won as is_won_in_period,
        closed.closed_date is null and deal.left_at is not null and {{ reporting_date('deal.left_at') }} >= plans.period_start
            and {{ reporting_date('deal.left_at') }} < plans.next_period_start as is_removed_in_period
    from plans
    inner join {{ ref('fct_deal_versions') }} as version
        on version.deal_key = plans.deal_key and version.deal_status = 'open' and version.valid_from_date <= plans.period_start - 1
        and (version.valid_to_date is null or version.valid_to_date > plans.period_start - 1)
    left join {{ ref('dim_deals') }} as deal on deal.deal_key = plans.deal_key
    left join closed
        on closed.deal_key = plans.deal_key and closed.period_grain = plans.period_grain and closed.period_start = plans.period_start
    left join {{ ref('dim_exchange_rates') }} as rate
        on rate.rate_date = plans.period_start and rate.from_currency_code = version.currency_code and rate.to_currency_code = '{{ var("currency") }}'

),

told as (

    select
        period_grain, period_start, is_complete_period, deal_key, source_deal_id, expected_close_date, expected_close_date_now, pipeline_key, stage_key, owner_key,
        expected_amount, is_unconverted, closed_date, is_closed_in_period, is_won_in_period, is_removed_in_period
    from {{ ref('mart_sales__expected_deals') }}

)

select 'only in the mart' as where_it_stands, *, 'The deal was not expected in this period by what was known when it began, or became something else.' as likely_cause
from (select * from told except all select * from wanted)
union all
select 'not in the mart', *, 'A deal that was expected in the period is missing from mart_sales__expected_deals, or is told otherwise.'
from (select * from wanted except all select * from told)
