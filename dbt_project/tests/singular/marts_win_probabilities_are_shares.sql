-- The share that wins never falls with the days, leaves room for the undecided, lies in its interval, is of all deals created, and where nobody drops out of sight
-- before the day it is plainly the share that was won.
with followed as (

    select *, lag(win_probability) over (partition by period_grain, period_start, dimension, dimension_key order by day_number) as before_probability
    from {{ ref('mart_sales__win_probability') }}

)

select
    followed.period_grain, followed.period_start, followed.dimension_value, followed.day_number, followed.win_probability, followed.before_probability,
    'The cumulative incidence is wrong: look at who is at risk in mart_sales__win_probability.' as likely_cause
from followed
left join {{ ref('mart_sales__win_rates') }} as created
    on created.period_grain = followed.period_grain and created.period_start = followed.period_start
    and created.dimension = followed.dimension and created.dimension_key = followed.dimension_key
where followed.win_probability < followed.before_probability
    or followed.win_probability + followed.undecided_probability > 1 + 1e-9
    or followed.win_probability < 0
    or followed.undecided_probability < 0
    or followed.win_probability_low > followed.win_probability
    or followed.win_probability_high < followed.win_probability
    or followed.win_probability < followed.won_so_far_share - 1e-9
    or followed.deal_count is distinct from created.created_count
    or followed.won_count > created.created_won_count
    or (followed.won_count + followed.lost_count + followed.at_risk_count = followed.deal_count
        and abs(followed.win_probability - followed.won_so_far_share) > 1e-9)
    -- … in the interval of a plain share, on the scale of the logarithm of its logarithm
    or (followed.won_count + followed.lost_count + followed.at_risk_count = followed.deal_count
        and followed.win_probability > 0 and followed.win_probability < 1
        {%- for end, sign in {'low': '', 'high': '-'}.items() %}
        {{ 'and (' if loop.first else 'or ' }}abs(followed.win_probability_{{ end }} - exp(ln(followed.win_probability) * exp({{ sign }}1.959963984540054
            * sqrt((1 - followed.win_probability) / followed.win_probability / followed.deal_count) / abs(ln(followed.win_probability))))) > 1e-6
        {%- endfor %}))

union all

-- every deal is followed by days begun, for a year at most
select 'month', told.month_start, told.dimension, told.deal_count, told.days, counted.days, 'The deals of a month are followed for other days: look at mart_sales__followed_deals.'
from (
    select month_start, dimension, sum(deal_count) as deal_count, sum(days * deal_count) as days
    from {{ ref('mart_sales__followed_deals') }}
    where dimension = 'all'
    group by 1, 2
) as told
inner join (
    select
        cast(date_trunc('month', outcomes.created_date) as date) as month_start,
        sum(case
            when outcomes.created_at >= coalesce(outcomes.outcome_at, as_of.data_through) then 0
            else least(ceil({{ hours_between('outcomes.created_at', 'coalesce(outcomes.outcome_at, as_of.data_through)') }} / 24), 366)
        end) as days
    from {{ ref('mart_sales__deal_outcomes') }} as outcomes
    cross join (select max(warehouse_data_through) as data_through from {{ ref('dim_sources') }}) as as_of
    where outcomes.created_date <= {{ reporting_date('as_of.data_through') }}
    group by 1
) as counted on counted.month_start = told.month_start
where told.days <> counted.days
