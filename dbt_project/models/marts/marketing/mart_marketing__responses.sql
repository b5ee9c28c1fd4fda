{%- set splits = {
    'channel': 'requests.channel', 'direction': 'requests.lead_direction', 'owner': 'requests.owner_key',
    'team': 'requests.team_name', 'company_size': 'requests.company_size', 'country': 'requests.country',
} -%}
with requests as (

    select
        requests.requested_date as calendar_date,
        {{ grouped_split(splits) }},
        count(*) filter (where not requests.is_waiting) as attempted_count,
        count(*) filter (where requests.is_answered_in_time and not requests.is_waiting) as answered_count,
        count(*) filter (where requests.is_waiting) as waiting_count
    from {{ ref('mart_marketing__first_requests') }} as requests
    {{ group_by_splits(['requests.requested_date'], splits) }}

),

-- a contact counts once in a period, however often we tried, and has answered if one of the attempts was answered
contacts_of_a_day as (

    select method, contact_key, attempted_date, max(case when is_answered then 1 else 0 end) as is_answered, min(case when is_waiting then 1 else 0 end) as is_waiting
    from {{ ref('mart_marketing__contact_attempts') }}
    group by method, contact_key, attempted_date

),

contacts as (

    select
        periods.period_grain, periods.period_start, days.method, days.contact_key,
        max(case when days.is_waiting = 0 then days.is_answered end) as is_answered
    from contacts_of_a_day as days
    inner join {{ ref('mart_metrics__periods') }} as periods on periods.calendar_date = days.attempted_date
    where periods.period_grain <> 'day'
    group by 1, 2, 3, 4

),

measured as (

    select 'first_request' as response_kind, period_grain, period_start, dimension, dimension_key, attempted_count, answered_count, waiting_count
    from (
        {{ sums_by_period(ref('mart_metrics__periods'), 'requests', ['attempted_count', 'answered_count', 'waiting_count'],
            grains=['week', 'month', 'quarter', 'year', 'all']) }}
    ) as by_period

    union all

    select
        'contact_attempt', period_grain, period_start, 'method', method,
        count(is_answered), sum(coalesce(is_answered, 0)), count(*) - count(is_answered)
    from contacts
    group by 1, 2, 3, 4, 5

),

counted as (

    select
        response_kind, period_grain, period_start, dimension, dimension_key,
        cast(attempted_count as bigint) as attempted_count,
        cast(answered_count as bigint) as answered_count,
        cast(attempted_count - answered_count as bigint) as unanswered_count,
        cast(waiting_count as bigint) as waiting_count
    from measured

),

periods as (

    select distinct period_grain, period_start, is_complete_period
    from {{ ref('mart_metrics__periods') }}

)

select
    counted.response_kind,
    counted.period_grain,
    counted.period_start,
    periods.is_complete_period,
    counted.dimension,
    counted.dimension_key,
    coalesce(labels.dimension_value, counted.dimension_key) as dimension_value,
    counted.attempted_count,
    counted.answered_count,
    {{ safe_ratio('answered_count', 'attempted_count') }} as response_rate,
    {{ wilson_low('answered_count', 'attempted_count') }} as response_rate_low,
    {{ wilson_high('answered_count', 'attempted_count') }} as response_rate_high,
    counted.unanswered_count,
    {{ safe_ratio('unanswered_count', 'attempted_count') }} as unanswered_rate,
    {{ wilson_low('unanswered_count', 'attempted_count') }} as unanswered_rate_low,
    {{ wilson_high('unanswered_count', 'attempted_count') }} as unanswered_rate_high,
    counted.waiting_count
from counted
inner join periods on periods.period_grain = counted.period_grain and periods.period_start = counted.period_start
left join {{ ref('mart_metrics__dimension_values') }} as labels
    on labels.dimension = counted.dimension and labels.dimension_key = counted.dimension_key
