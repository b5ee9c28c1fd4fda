-- What was expected has closed or slipped, what was not won is the rest, and the pipelines and the owners give the whole.
with totals as (

    select
        period_grain, period_start, dimension,
        sum(expected_count) as expected_count, sum(closed_count) as closed_count, sum(slipped_count) as slipped_count, sum(won_count) as won_count,
        sum(not_won_count) as not_won_count, sum(removed_count) as removed_count, sum(push_count) as push_count
    from {{ ref('mart_sales__slippage') }}
    group by 1, 2, 3

)

select
    parts.*,
    'A deal is doubled by a join in mart_sales__expected_deals, or stood in no pipeline or with no owner.' as likely_cause
from totals as parts
left join totals as whole
    on whole.period_grain = parts.period_grain and whole.period_start = parts.period_start and whole.dimension = 'all'
where parts.expected_count <> parts.closed_count + parts.slipped_count
    or parts.expected_count <> parts.won_count + parts.not_won_count
    or parts.removed_count > parts.slipped_count
    or parts.expected_count is distinct from whole.expected_count
    or parts.push_count is distinct from whole.push_count
