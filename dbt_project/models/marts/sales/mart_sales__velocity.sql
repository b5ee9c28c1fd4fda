with dimensions as (

    select distinct dimension
    from {{ ref('mart_metrics__dimension_values') }}
    where dimension in ('all', 'pipeline', 'owner', 'channel')

),

periods as (

    select period_grain, period_start, is_complete_period, max(calendar_date) as last_date
    from {{ ref('mart_metrics__periods') }}
    where period_grain in ('week', 'month', 'quarter', 'year')
    group by 1, 2, 3

),

as_of as (

    select {{ reporting_date('max(warehouse_data_through)') }} as as_of_date
    from {{ ref('dim_sources') }}

),

-- the daily pipeline knows no channels: of them, who became open and who ceased to be, day by day; as there, what is dated after the as-of counts on its day
channel_changes as (

    select least(moves.moved_date, as_of.as_of_date) as moved_date, moves.channel, sum(moves.delta) as delta
    from (
        select {{ reporting_date('visits.entered_at') }} as moved_date, outcomes.channel, 1 as delta
        from {{ ref('fct_deal_stage_visits') }} as visits
        inner join {{ ref('mart_sales__deal_outcomes') }} as outcomes on outcomes.deal_key = visits.deal_key
        where visits.stage_kind = 'open' and visits.entry_kind in ('created', 'reopened', 'restored')

        union all

        select {{ reporting_date('visits.exited_at') }}, outcomes.channel, -1
        from {{ ref('fct_deal_stage_visits') }} as visits
        inner join {{ ref('mart_sales__deal_outcomes') }} as outcomes on outcomes.deal_key = visits.deal_key
        where visits.stage_kind = 'open' and visits.exit_kind in ('won', 'lost', 'deleted', 'merged')
    ) as moves
    cross join as_of
    group by least(moves.moved_date, as_of.as_of_date), moves.channel

),

open_channels as (

    select
        channel, moved_date as from_date,
        sum(delta) over (partition by channel order by moved_date rows between unbounded preceding and current row) as open_count,
        lead(moved_date) over (partition by channel order by moved_date) as to_date
    from channel_changes

),

cycles as (

    select
        periods.period_grain, periods.period_start, dimensions.dimension,
        {{ dimension_key('dimensions.dimension', 'closes.pipeline_key', 'closes.owner_key', 'closes.channel') }} as dimension_key,
        -- as decimals, as in mart_sales__sales_cycle: a sum of doubles depends on the order of the rows
        cast(sum(cast(closes.days_from_created as decimal(18, 9))) as double) as total_days
    from {{ ref('mart_sales__closes') }} as closes
    inner join {{ ref('mart_metrics__periods') }} as periods on periods.calendar_date = closes.closed_date
    cross join dimensions
    where closes.close_group = 'won' and not closes.is_removed
    group by 1, 2, 3, 4

),

factors as (

    select
        periods.period_grain, periods.period_start, dimensions.dimension,
        {{ dimension_key('dimensions.dimension', 'daily.pipeline_key', 'daily.owner_key') }} as dimension_key,
        sum(daily.open_count) as open_count, 0 as won_count, 0 as closed_count, null as won_amount, 0 as converted_won_count,
        null as total_days
    from {{ ref('mart_sales__pipeline_daily') }} as daily
    inner join periods on periods.last_date = daily.calendar_date
    cross join dimensions
    where dimensions.dimension <> 'channel'
    group by 1, 2, 3, 4

    union all

    select periods.period_grain, periods.period_start, 'channel', open_channels.channel, open_channels.open_count, 0, 0, null, 0, null
    from periods
    inner join open_channels
        on open_channels.from_date <= periods.last_date
        and (open_channels.to_date is null or open_channels.to_date > periods.last_date)
    where open_channels.open_count <> 0

    union all

    select period_grain, period_start, dimension, dimension_key, 0, won_count, closed_count, won_amount, converted_won_count, null
    from {{ ref('mart_sales__win_rates') }}

    union all

    select period_grain, period_start, dimension, dimension_key, 0, 0, 0, null, 0, total_days
    from cycles

),

by_period as (

    select
        period_grain, period_start, dimension, dimension_key,
        {% for measure in ['open_count', 'won_count', 'closed_count', 'converted_won_count'] -%}
        cast(sum({{ measure }}) as bigint) as {{ measure }},
        {% endfor -%}
        cast(coalesce(sum(won_amount), 0) as decimal(18, 2)) as won_amount,
        coalesce(sum(total_days), 0) as total_days
    from factors
    group by 1, 2, 3, 4

)

select
    by_period.period_grain,
    by_period.period_start,
    periods.is_complete_period,
    by_period.dimension,
    by_period.dimension_key,
    labels.dimension_value,
    by_period.open_count,
    by_period.won_count,
    by_period.closed_count,
    {{ safe_ratio('won_count', 'closed_count') }} as win_rate,
    {{ wilson_low('won_count', 'closed_count') }} as win_rate_low,
    {{ wilson_high('won_count', 'closed_count') }} as win_rate_high,
    by_period.won_amount,
    by_period.converted_won_count,
    {{ safe_ratio('won_amount', 'converted_won_count') }} as won_amount_per_deal,
    by_period.total_days,
    {{ safe_ratio('total_days', 'won_count') }} as mean_days,
    by_period.open_count * {{ safe_ratio('won_count', 'closed_count') }} * {{ safe_ratio('won_amount', 'converted_won_count') }}
        / ({{ safe_ratio('nullif(total_days, 0)', 'won_count') }}) as velocity_amount,
    case
        when by_period.won_count = 0 then 'nothing_won'
        when by_period.converted_won_count = 0 then 'no_amount'
        when by_period.total_days = 0 then 'no_days'
    end as velocity_missing_reason,
    '{{ var("currency") }}' as currency_code,
    'booked' as amount_basis
from by_period
inner join periods on periods.period_grain = by_period.period_grain and periods.period_start = by_period.period_start
left join {{ ref('mart_metrics__dimension_values') }} as labels
    on labels.dimension = by_period.dimension and labels.dimension_key = by_period.dimension_key
