-- The four factors of the velocity are those of the marts they come from, and the open deals of a channel are the versions open then.
-- What is dated after the as-of counts on its day.
with as_of as (

    select {{ reporting_date('max(warehouse_data_through)') }} as as_of_date from {{ ref('dim_sources') }}

),

ends as (

    select period_grain, period_start, max(calendar_date) as last_date
    from {{ ref('mart_metrics__periods') }}
    where period_grain in ('week', 'month', 'quarter', 'year')
    group by 1, 2

),

standing as (

    select ends.period_grain, ends.period_start, 'pipeline' as dimension, cast(versions.pipeline_key as varchar) as dimension_key,
        cast(versions.owner_key as varchar) as owner, coalesce(owners.team_name, 'unknown') as team,
        coalesce(deals.channel, 'unknown') as channel, coalesce(deals.lead_direction, 'unknown') as direction,
        coalesce(deals.product_line, 'unknown') as product_line, {{ company_size('companies.employee_count') }} as company_size,
        coalesce(companies.country, 'unknown') as country
    from {{ ref('fct_deal_versions') }} as versions
    inner join {{ ref('dim_deals') }} as deals on deals.deal_key = versions.deal_key
    left join {{ ref('dim_owners') }} as owners on owners.owner_key = versions.owner_key
    left join {{ ref('dim_companies') }} as companies on companies.company_key = deals.company_key
    cross join as_of
    inner join ends on least(versions.valid_from_date, as_of.as_of_date) <= ends.last_date
        and (versions.valid_to_date is null or least(versions.valid_to_date, as_of.as_of_date) > ends.last_date)
    where versions.deal_status = 'open'

),

counted as (

    select period_grain, period_start, 'all' as dimension, 'all' as dimension_key, count(*) as open_count from standing group by 1, 2
    union all
    select period_grain, period_start, dimension, dimension_key, count(*) from standing group by 1, 2, 3, 4
    {% for dimension in ['owner', 'team', 'channel', 'direction', 'product_line', 'company_size', 'country'] -%}
    union all
    select period_grain, period_start, '{{ dimension }}', {{ dimension }}, count(*) from standing group by 1, 2, 4
    {% endfor %}

)

select
    velocity.period_grain, velocity.period_start, velocity.dimension_value, velocity.open_count, counted.open_count as open_by_versions, velocity.velocity_amount,
    'A factor of the velocity is another than in the mart it comes from: look at mart_sales__velocity.' as likely_cause
from {{ ref('mart_sales__velocity') }} as velocity
full join counted
    on counted.period_grain = velocity.period_grain and counted.period_start = velocity.period_start
    and counted.dimension = velocity.dimension and counted.dimension_key = velocity.dimension_key
left join {{ ref('mart_sales__win_rates') }} as rates
    on rates.period_grain = velocity.period_grain and rates.period_start = velocity.period_start
    and rates.dimension = velocity.dimension and rates.dimension_key = velocity.dimension_key
left join {{ ref('mart_sales__sales_cycle') }} as cycles
    on cycles.period_grain = velocity.period_grain and cycles.period_start = velocity.period_start and cycles.outcome_scope = 'won'
    and cycles.measured_from = 'created' and cycles.dimension = velocity.dimension and cycles.dimension_key = velocity.dimension_key
where velocity.period_grain is null
    or velocity.open_count <> coalesce(counted.open_count, 0)
    or velocity.win_rate is distinct from rates.win_rate
    or velocity.won_amount_per_deal is distinct from rates.won_amount_per_deal
    or ((velocity.dimension in ('all', 'pipeline') or velocity.period_grain <> 'week') and abs(coalesce(velocity.mean_days, -1) - coalesce(cycles.mean_days, -1)) > 1e-6)
    or (velocity.velocity_amount is null) <> (velocity.velocity_missing_reason is not null)
    or abs(velocity.velocity_amount * velocity.mean_days - velocity.open_count * velocity.win_rate * velocity.won_amount_per_deal)
        > 1e-6 * (1 + velocity.open_count * velocity.won_amount)
