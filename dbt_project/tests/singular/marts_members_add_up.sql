-- The members of a dimension add up to the whole, the unknown one among them: numerators and denominators of every metric, period by period.
with figures as (

    select
        metric, period_grain, period_start, dimension, sum(numerator) as numerator,
        -- a quota is set for whom it is set: those of the sellers need not make the company's
        sum(case when metric not in ('coverage', 'coverage_to_win') then denominator end) as denominator
    from {{ ref('mart_metrics__values') }}
    group by 1, 2, 3, 4

),

-- a dimension that a metric is split by is one in every period of that grain, whether a member is left in it or not
wholes as (

    select totals.metric, totals.period_grain, totals.period_start, splits.dimension, totals.numerator, totals.denominator
    from figures as totals
    inner join (select distinct metric, period_grain, dimension from figures where dimension <> 'all') as splits
        on splits.metric = totals.metric and splits.period_grain = totals.period_grain
    where totals.dimension = 'all'

)

select
    wholes.metric, wholes.period_grain, wholes.period_start, wholes.dimension,
    wholes.numerator, parts.numerator as numerator_of_members, wholes.denominator, parts.denominator as denominator_of_members,
    'A member of the dimension was lost or counted twice: look for a join to the dimension, and for rows without a member.' as likely_cause
from wholes
left join figures as parts
    on parts.metric = wholes.metric and parts.period_grain = wholes.period_grain and parts.period_start = wholes.period_start
    and parts.dimension = wholes.dimension
-- what cannot be told of the whole (a missing rate) may be told of a member
where wholes.numerator is not null and abs(wholes.numerator - coalesce(parts.numerator, 0)) > 1e-6 * greatest(1, abs(wholes.numerator))
    or wholes.denominator is not null and abs(wholes.denominator - coalesce(parts.denominator, 0)) > 1e-6 * greatest(1, abs(wholes.denominator))
