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
