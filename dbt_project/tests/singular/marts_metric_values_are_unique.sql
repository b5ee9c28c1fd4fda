-- One value per metric, grain, period and dimension value; rates from 0 to 1, but for customers who got more than they were promised and sellers who do
-- more than they have room for.
select
    metric, period_grain, period_start, dimension, dimension_value, count(*) as row_count, max("value") as highest_value,
    'Two members of a dimension share a name (mart_metrics__dimension_values), or a rate counts beyond its denominator.' as likely_cause
from {{ ref('mart_metrics__values') }}
group by 1, 2, 3, 4, 5
having count(*) > 1 or (metric like '%rate' and metric not in ('value_delivered_rate', 'capacity_used_rate', 'meeting_capacity_used_rate') and max("value") > 1)
