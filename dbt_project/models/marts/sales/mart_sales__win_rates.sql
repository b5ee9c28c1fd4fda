{%- set splits = deal_splits() -%}
with daily as (

    -- closes by the day of the close
    select
        closed_date as calendar_date, {{ grouped_split(splits) }},
        count(*) filter (where close_group = 'won' and not is_removed) as won_count,
        count(*) filter (where close_group = 'lost' and not is_removed) as lost_count,
        count(*) filter (where close_group = 'disqualified' and not is_removed) as disqualified_count,
        count(*) filter (where close_group = 'no_decision' and not is_removed) as no_decision_count,
        count(*) filter (where is_removed) as removed_count,
        sum(booked_amount) filter (where close_group = 'won' and not is_removed) as won_amount,
        sum(booked_amount) filter (where close_group = 'lost' and not is_removed) as lost_amount,
        count(*) filter (where is_unconverted and not is_removed and close_group in ('won', 'lost')) as unconverted_count,
        count(*) filter (where is_unconverted and not is_removed and close_group = 'won') as unconverted_won_count,
        0 as created_count,
        0 as created_won_count,
        0 as dormant_count
    from {{ ref('mart_sales__closes') }}
    {{ group_by_splits(['closed_date'], splits) }}

    union all

    -- deals by the day, pipeline and owner of their creation
    select
        created_date, {{ grouped_split(splits) }},
        0, 0, 0, 0, 0, null, null, 0, 0, count(*), count(*) filter (where is_won), 0
    from (
        select
            deals.created_date, deals.created_pipeline_key as pipeline_key, deals.created_owner_key as owner_key,
            coalesce(owners.team_name, 'unknown') as team_name, deals.channel, deals.lead_direction, deals.product_line, deals.company_size, deals.country,
            deals.deal_status = 'won' as is_won
        from {{ ref('mart_sales__deal_outcomes') }} as deals
        left join {{ ref('dim_owners') }} as owners on owners.owner_key = deals.created_owner_key
    ) as created
    {{ group_by_splits(['created_date'], splits) }}

    union all

    -- open deals that nobody has touched for longer than their stage allows, by the day of their last sign of life
    select silent_date, {{ grouped_split(splits) }}, 0, 0, 0, 0, 0, null, null, 0, 0, 0, 0, count(*)
    from (
        select
            {{ reporting_date('deals.last_sign_of_life_at') }} as silent_date, deals.pipeline_key, deals.owner_key, coalesce(owners.team_name, 'unknown') as team_name,
            deals.channel, deals.lead_direction, deals.product_line, deals.company_size, deals.country
        from {{ ref('mart_sales__deal_outcomes') }} as deals
        left join {{ ref('dim_owners') }} as owners on owners.owner_key = deals.owner_key
        where deals.is_dormant
    ) as dormant
    {{ group_by_splits(['silent_date'], splits) }}

),

by_period as (

    select
        periods.period_grain,
        periods.period_start,
        periods.is_complete_period,
        daily.dimension,
        daily.dimension_key,
        cast(sum(daily.won_count) as bigint) as won_count,
        cast(sum(daily.lost_count) as bigint) as lost_count,
        cast(sum(daily.disqualified_count) as bigint) as disqualified_count,
        cast(sum(daily.no_decision_count) as bigint) as no_decision_count,
        cast(sum(daily.won_count + daily.lost_count) as bigint) as closed_count,
        cast(sum(daily.won_count + daily.lost_count + daily.disqualified_count + daily.no_decision_count) as bigint)
            as broad_closed_count,
        cast(sum(daily.removed_count) as bigint) as removed_count,
        cast(coalesce(sum(daily.won_amount), 0) as decimal(18, 2)) as won_amount,
        cast(coalesce(sum(daily.won_amount), 0) + coalesce(sum(daily.lost_amount), 0) as decimal(18, 2))
            as closed_amount,
        cast(sum(daily.unconverted_count) as bigint) as unconverted_count,
        -- an amount that no rate converts is unknown, not nought: its deal does not lower the average
        cast(sum(daily.won_count - daily.unconverted_won_count) as bigint) as converted_won_count,
        cast(sum(daily.unconverted_won_count) as bigint) as unconverted_won_count,
        cast(sum(daily.created_count) as bigint) as created_count,
        cast(sum(daily.created_won_count) as bigint) as created_won_count,
        cast(sum(daily.dormant_count) as bigint) as dormant_count,
        cast(sum(daily.won_count + daily.lost_count + daily.dormant_count) as bigint) as effective_closed_count
    from daily
    inner join {{ ref('mart_metrics__periods') }} as periods on periods.calendar_date = daily.calendar_date
    group by 1, 2, 3, 4, 5

)

select
    by_period.period_grain,
    by_period.period_start,
    by_period.is_complete_period,
    by_period.dimension,
    by_period.dimension_key,
    labels.dimension_value,
    by_period.won_count,
    by_period.lost_count,
    by_period.disqualified_count,
    by_period.no_decision_count,
    by_period.closed_count,
    {{ safe_ratio('won_count', 'closed_count') }} as win_rate,
    {{ wilson_low('won_count', 'closed_count') }} as win_rate_low,
    {{ wilson_high('won_count', 'closed_count') }} as win_rate_high,
    by_period.dormant_count,
    by_period.effective_closed_count,
    {{ safe_ratio('won_count', 'effective_closed_count') }} as effective_win_rate,
    {{ wilson_low('won_count', 'effective_closed_count') }} as effective_win_rate_low,
    {{ wilson_high('won_count', 'effective_closed_count') }} as effective_win_rate_high,
    by_period.broad_closed_count,
    {{ safe_ratio('won_count', 'broad_closed_count') }} as broad_win_rate,
    {{ wilson_low('won_count', 'broad_closed_count') }} as broad_win_rate_low,
    {{ wilson_high('won_count', 'broad_closed_count') }} as broad_win_rate_high,
    by_period.removed_count,
    by_period.won_amount,
    by_period.closed_amount,
    {{ safe_ratio('won_amount', 'closed_amount') }} as value_win_rate,
    by_period.unconverted_count,
    {{ safe_ratio('won_amount', 'converted_won_count') }} as won_amount_per_deal,
    by_period.converted_won_count,
    by_period.unconverted_won_count,
    by_period.created_count,
    by_period.created_won_count,
    {{ safe_ratio('created_won_count', 'created_count') }} as created_win_rate,
    {{ wilson_low('created_won_count', 'created_count') }} as created_win_rate_low,
    {{ wilson_high('created_won_count', 'created_count') }} as created_win_rate_high,
    '{{ var("currency") }}' as currency_code,
    'booked' as amount_basis
from by_period
left join {{ ref('mart_metrics__dimension_values') }} as labels
    on labels.dimension = by_period.dimension and labels.dimension_key = by_period.dimension_key
