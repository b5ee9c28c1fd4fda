{%- set splits = {
    'channel': 'offers.channel', 'direction': 'offers.lead_direction', 'owner': 'offers.owner_key', 'team': 'offers.team_name',
    'company_size': 'offers.company_size', 'country': 'offers.country', 'reason': 'offers.known_reason',
} -%}
with offers as (

    select *, coalesce(reason, 'none') as known_reason
    from {{ ref('mart_marketing__offers') }}

),

by_period as (

    select
        periods.period_grain,
        periods.period_start,
        periods.is_complete_period,
        {{ grouped_split(splits) }},
        count(*) as offered_count,
        {% for outcome in ['accepted', 'rejected', 'recycled', 'undecided'] -%}
        count(*) filter (where offers.hand_off_outcome = '{{ outcome }}') as {{ outcome }}_count,
        {% endfor -%}
        count(offers.hours_to_touch) as touched_count,
        -- as decimals: a sum of doubles depends on the order in which threads add them, and a rebuild would differ
        cast(sum(cast(offers.hours_to_touch as decimal(18, 9))) as double) as total_hours_to_touch,
        {{ quantile('offers.hours_to_touch', '0.5') }} as median_hours_to_touch,
        count(*) filter (where offers.is_on_time) as on_time_count,
        count(*) filter (where offers.is_waiting) as waiting_count
    from offers
    inner join {{ ref('mart_metrics__periods') }} as periods on periods.calendar_date = offers.offered_date
    where periods.period_grain <> 'day'
    {{ group_by_splits(['periods.period_grain', 'periods.period_start', 'periods.is_complete_period'], splits) }}

)

select
    by_period.period_grain,
    by_period.period_start,
    by_period.is_complete_period,
    by_period.dimension,
    by_period.dimension_key,
    coalesce(labels.dimension_value, by_period.dimension_key) as dimension_value,
    by_period.offered_count,
    {% for share in ['accepted', 'rejected', 'recycled'] -%}
    by_period.{{ share }}_count,
    {{ safe_ratio(share ~ '_count', 'offered_count') }} as {{ share }}_rate,
    {{ wilson_low(share ~ '_count', 'offered_count') }} as {{ share }}_rate_low,
    {{ wilson_high(share ~ '_count', 'offered_count') }} as {{ share }}_rate_high,
    {% endfor -%}
    by_period.undecided_count,
    by_period.touched_count,
    by_period.total_hours_to_touch,
    {{ safe_ratio('total_hours_to_touch', 'touched_count') }} as mean_hours_to_touch,
    by_period.median_hours_to_touch,
    by_period.on_time_count,
    {{ safe_ratio('on_time_count', 'offered_count') }} as on_time_rate,
    {{ wilson_low('on_time_count', 'offered_count') }} as on_time_rate_low,
    {{ wilson_high('on_time_count', 'offered_count') }} as on_time_rate_high,
    by_period.waiting_count
from by_period
left join {{ ref('mart_metrics__dimension_values') }} as labels
    on labels.dimension = by_period.dimension and labels.dimension_key = by_period.dimension_key
