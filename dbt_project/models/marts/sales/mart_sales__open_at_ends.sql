{#- what a deal is now; whose it is, the daily pipeline knows -#}
{%- set of_deals = {
    'channel': 'channel', 'direction': 'lead_direction', 'product_line': 'product_line', 'company_size': 'company_size', 'country': 'country',
} -%}
with periods as (

    select period_grain, period_start, is_complete_period, max(calendar_date) as last_date, max(as_of_date) as as_of_date
    from {{ ref('mart_metrics__periods') }}
    where period_grain in ('week', 'month', 'quarter', 'year')
    group by 1, 2, 3

),

sellers as (

    select periods.period_grain, periods.period_start, {{ grouped_split(seller_splits()) }}, sum(daily.open_count) as open_count
    from (
        select daily.calendar_date, daily.pipeline_key, daily.owner_key, coalesce(owners.team_name, 'unknown') as team_name, sum(daily.open_count) as open_count
        from {{ ref('mart_sales__pipeline_daily') }} as daily
        left join {{ ref('dim_owners') }} as owners on owners.owner_key = daily.owner_key
        group by 1, 2, 3, 4
    ) as daily
    inner join periods on periods.last_date = daily.calendar_date
    {{ group_by_splits(['periods.period_grain', 'periods.period_start'], seller_splits()) }}

),

-- of what a deal is now: who became open and who ceased to be, day by day; as there, what is dated after the as-of counts on its day
moves as (

    select deal_key, {{ reporting_date('entered_at') }} as moved_date, 1 as delta
    from {{ ref('fct_deal_stage_visits') }}
    where stage_kind = 'open' and entry_kind in ('created', 'reopened', 'restored')

    union all

    select deal_key, {{ reporting_date('exited_at') }}, -1
    from {{ ref('fct_deal_stage_visits') }}
    where stage_kind = 'open' and exit_kind in ('won', 'lost', 'deleted', 'merged')

),

changes as (

    select moved_date, {{ grouped_split(of_deals) }}, sum(delta) as delta
    from (
        select
            least(moves.moved_date, as_of.as_of_date) as moved_date, moves.delta,
            outcomes.channel, outcomes.lead_direction, outcomes.product_line, outcomes.company_size, outcomes.country
        from moves
        inner join {{ ref('mart_sales__deal_outcomes') }} as outcomes on outcomes.deal_key = moves.deal_key
        cross join (select max(as_of_date) as as_of_date from periods) as as_of
    ) as of_deals
    {{ group_by_splits(['moved_date'], of_deals, in_all=false) }}

),

standing as (

    select
        dimension, dimension_key, moved_date as from_date,
        sum(delta) over (partition by dimension, dimension_key order by moved_date rows between unbounded preceding and current row) as open_count,
        lead(moved_date) over (partition by dimension, dimension_key order by moved_date) as to_date
    from changes

),

counted as (

    select period_grain, period_start, dimension, dimension_key, open_count from sellers

    union all

    select periods.period_grain, periods.period_start, standing.dimension, standing.dimension_key, standing.open_count
    from periods
    inner join standing
        on standing.from_date <= periods.last_date and (standing.to_date is null or standing.to_date > periods.last_date)
    where standing.open_count <> 0

)

select
    counted.period_grain,
    counted.period_start,
    periods.is_complete_period,
    counted.dimension,
    counted.dimension_key,
    labels.dimension_value,
    cast(counted.open_count as bigint) as open_count
from counted
inner join periods on periods.period_grain = counted.period_grain and periods.period_start = counted.period_start
left join {{ ref('mart_metrics__dimension_values') }} as labels
    on labels.dimension = counted.dimension and labels.dimension_key = counted.dimension_key
