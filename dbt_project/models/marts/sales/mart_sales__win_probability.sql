{%- set in_order = 'partition by group_number order by days, day_number' -%}
{%- set asked_days = [7, 14, 30, 60, 90, 120, 180, 365] -%}
{%- set terms = {
    'gone_0': 'case when n > ended then ended / n / (n - ended) end',
    'gone_1': 'case when n > ended then won_share * ended / n / (n - ended) end',
    'gone_2': 'case when n > ended then won_share * won_share * ended / n / (n - ended) end',
    'won': 'still_open * still_open * won_count * (n - won_count) / n / n / n',
    'both_0': 'still_open * won_count / n / n',
    'both_1': 'won_share * still_open * won_count / n / n',
} -%}
with periods as (

    select distinct period_grain, period_start, is_complete_period from {{ ref('mart_metrics__periods') }}

),

-- a number for each group of deals is cheaper to sort and to add up by than its period, dimension and key
groups_of_deals as (

    select
        periods.period_grain, periods.period_start, by_month.month_start, by_month.dimension, by_month.dimension_key,
        dense_rank() over (order by periods.period_grain, periods.period_start, by_month.dimension, by_month.dimension_key) as group_number
    from (select distinct month_start, dimension, dimension_key from {{ ref('mart_sales__followed_deals') }}) as by_month
    inner join (
        select distinct months.period_start as month_start, periods.period_grain, periods.period_start
        from {{ ref('mart_metrics__periods') }} as months
        inner join {{ ref('mart_metrics__periods') }} as periods on periods.calendar_date = months.calendar_date
        where months.period_grain = 'month' and periods.period_grain in ('month', 'quarter', 'year', 'all')
    ) as periods on periods.month_start = by_month.month_start

),

-- the days that are asked for stand among them, each behind the deals of its own length
moments as (

    select
        those.group_number, by_month.days, 0 as day_number,
        sum(by_month.deal_count) as deal_count, sum(by_month.won_count) as won_count, sum(by_month.lost_count) as lost_count
    from {{ ref('mart_sales__followed_deals') }} as by_month
    inner join groups_of_deals as those
        on those.month_start = by_month.month_start and those.dimension = by_month.dimension and those.dimension_key = by_month.dimension_key
    group by 1, 2

    union all

    select those.group_number, horizons.day_number, horizons.day_number, 0, 0, 0
    from (select distinct group_number from groups_of_deals) as those
    cross join (values {% for day in asked_days %}({{ day }}){{ ', ' if not loop.last }}{% endfor %}) as horizons (day_number)

),

-- at risk: every deal that was followed at least as long
at_risk as (

    select
        *,
        sum(deal_count) over (partition by group_number) as cohort_count,
        sum(won_count) over so_far as won_so_far,
        sum(lost_count) over so_far as lost_so_far,
        cast(sum(deal_count) over (partition by group_number)
            - sum(deal_count) over so_far + deal_count as double) as n,
        cast(won_count + lost_count as double) as ended
    from moments
    window so_far as ({{ in_order }} rows between unbounded preceding and current row)

),

-- the share neither won nor lost just before (Kaplan-Meier); none once the last deal at risk has ended
undecided as (

    select
        *,
        case
            when min(case when deal_count > 0 then n - ended end) over before_it = 0 then 0
            else coalesce(exp(sum(case when n > ended then ln(1 - ended / n) end) over before_it), 1)
        end as still_open
    from at_risk
    window before_it as ({{ in_order }} rows between unbounded preceding and 1 preceding)

),

-- Aalen-Johansen: at every moment, the share that won of the deals that still could, added up
incidence as (

    select *, coalesce(sum(case when n > 0 then still_open * won_count / n end) over so_far, 0) as won_share
    from undecided
    window so_far as ({{ in_order }} rows between unbounded preceding and current row)

),

-- the sums of its variance (Greenwood, by the delta method): what each stretch from one day asked for to the next adds to them
stretches as (

    select
        group_number,
        case {% for day in asked_days %}when days <= {{ day }} then {{ day }} {% endfor %}end as day_number,
        {% for name, term in terms.items() -%}
        coalesce(sum(case when ended > 0 then {{ term }} end), 0) as {{ name }}{{ ',' if not loop.last }}
        {% endfor %}
    from incidence
    where days <= {{ asked_days | last }}
    group by 1, 2

),

summed as (

    select group_number, day_number{% for name in terms %}, sum({{ name }}) over so_far as {{ name }}{% endfor %}
    from stretches
    window so_far as (partition by group_number order by day_number rows between unbounded preceding and current row)

),

asked as (

    select incidence.*, sqrt(greatest(won_share * won_share * gone_0 - 2 * won_share * gone_1 + gone_2 + won - 2 * (won_share * both_0 - both_1), 0)) as standard_error
    from incidence
    inner join summed on summed.group_number = incidence.group_number and summed.day_number = incidence.day_number

)

select
    those.period_grain,
    those.period_start,
    periods.is_complete_period,
    those.dimension,
    those.dimension_key,
    labels.dimension_value,
    cast(asked.day_number as bigint) as day_number,
    cast(asked.cohort_count as bigint) as deal_count,
    cast(asked.won_so_far as bigint) as won_count,
    cast(asked.lost_so_far as bigint) as lost_count,
    cast(asked.n as bigint) as at_risk_count,
    -- rounded: the order in which threads add shows in the last digits
    round(asked.won_share, 12) as win_probability,
    {% for name, sign in {'low': '', 'high': '-'}.items() -%}
    case
        when asked.won_share > 0 and asked.won_share < 1 then round(
            exp(ln(asked.won_share) * exp({{ sign }}1.959963984540054 * asked.standard_error / (asked.won_share * abs(ln(asked.won_share))))), 12)
    end as win_probability_{{ name }},
    {% endfor -%}
    round(asked.still_open * (1 - coalesce(asked.ended / nullif(asked.n, 0), 0)), 12) as undecided_probability,
    {{ safe_ratio('asked.won_so_far', 'asked.cohort_count') }} as won_so_far_share
from asked
inner join (select distinct group_number, period_grain, period_start, dimension, dimension_key from groups_of_deals) as those
    on those.group_number = asked.group_number
inner join periods on periods.period_grain = those.period_grain and periods.period_start = those.period_start
left join {{ ref('mart_metrics__dimension_values') }} as labels
    on labels.dimension = those.dimension and labels.dimension_key = those.dimension_key
