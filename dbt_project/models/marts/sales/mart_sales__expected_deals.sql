with changes as (

    select
        deal_key,
        new_value,
        changed_at,
        sequence,
        _record_number,
        {{ reporting_date('changed_at') }} as changed_date,
        {{ reporting_date('known_at') }} as known_date,
        {{ reporting_date('retracted_at') }} as retracted_date
    from {{ ref('fct_deal_changes') }}
    where field = 'expected_close'

),

periods as (

    select distinct period_grain, period_start, next_period_start, is_complete_period
    from {{ ref('mart_metrics__periods') }}
    where period_grain in ('week', 'month', 'quarter')

),

-- the periods that a day lies in, those whose end is yet to come included
periods_of_days as (

    {% for grain in ['week', 'month', 'quarter'] -%}
    select dates.calendar_date, periods.*
    from {{ ref('dim_dates') }} as dates
    inner join periods on periods.period_start = dates.{{ grain }}_start_date and periods.period_grain = '{{ grain }}'
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

-- a deal can be expected only in periods that some value of its expected close lies in
candidates as (

    select distinct
        changes.deal_key, periods.period_grain, periods.period_start, periods.next_period_start, periods.is_complete_period
    from changes
    inner join periods_of_days as periods on periods.calendar_date = cast(changes.new_value as date)
    where changes.changed_date < periods.period_start

),

-- the value in force before the period, by what was known before it
plans as (

    select
        candidates.deal_key, candidates.period_grain, candidates.period_start, candidates.next_period_start, candidates.is_complete_period,
        cast(nullif(
            max_by(coalesce(changes.new_value, ''), (changes.changed_at, changes.sequence, changes._record_number)), ''
        ) as date) as expected_close_date
    from candidates
    inner join changes
        on changes.deal_key = candidates.deal_key
        and changes.changed_date < candidates.period_start and changes.known_date < candidates.period_start
        and (changes.retracted_date is null or changes.retracted_date >= candidates.period_start)
    group by 1, 2, 3, 4, 5

),

-- open then as it is known now: a deal closed on the eve has not slipped, however late its closing was seen
expected as (

    select plans.*, versions.pipeline_key, versions.stage_key, versions.owner_key, versions.deal_amount, versions.currency_code
    from plans
    inner join {{ ref('fct_deal_versions') }} as versions
        on versions.deal_key = plans.deal_key and versions.deal_status = 'open'
        and versions.valid_from_date < plans.period_start
        and (versions.valid_to_date is null or versions.valid_to_date >= plans.period_start)
    where plans.expected_close_date >= plans.period_start and plans.expected_close_date < plans.next_period_start

),

closed as (

    select
        expected.deal_key, expected.period_grain, expected.period_start,
        min(closes.closed_date) as closed_date,
        bool_or(closes.close_group = 'won') as is_won
    from expected
    inner join {{ ref('mart_sales__closes') }} as closes
        on closes.deal_key = expected.deal_key
        and closes.closed_date >= expected.period_start and closes.closed_date < expected.next_period_start
    group by 1, 2, 3

)

select
    expected.period_grain,
    expected.period_start,
    expected.is_complete_period,
    expected.deal_key,
    deals.source_system,
    deals.source_deal_id,
    deals.crm_url,
    expected.pipeline_key,
    expected.stage_key,
    expected.owner_key,
    coalesce(owners.team_name, 'unknown') as team_name,
    expected.expected_close_date,
    deals.expected_close_date as expected_close_date_now,
    {{ converted('expected.deal_amount', 'rates.exchange_rate') }} as expected_amount,
    expected.deal_amount is not null and rates.exchange_rate is null as is_unconverted,
    closed.closed_date,
    closed.deal_key is not null as is_closed_in_period,
    coalesce(closed.is_won, false) as is_won_in_period,
    coalesce(
        closed.deal_key is null and deals.deal_status in ('deleted', 'merged')
        and {{ reporting_date('deals.left_at') }} >= expected.period_start
        and {{ reporting_date('deals.left_at') }} < expected.next_period_start,
        false
    ) as is_removed_in_period,
    '{{ var("currency") }}' as currency_code,
    'booked' as amount_basis
from expected
inner join {{ ref('dim_deals') }} as deals on deals.deal_key = expected.deal_key
left join {{ ref('dim_owners') }} as owners on owners.owner_key = expected.owner_key
left join closed
    on closed.deal_key = expected.deal_key and closed.period_grain = expected.period_grain
    and closed.period_start = expected.period_start
left join {{ ref('dim_exchange_rates') }} as rates
    on rates.rate_date = expected.period_start
    and rates.from_currency_code = expected.currency_code
    and rates.to_currency_code = '{{ var("currency") }}'
