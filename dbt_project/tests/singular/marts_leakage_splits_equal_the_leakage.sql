-- Leakage by member is leakage: in all, by pipeline, channel and direction as mart_sales__leakage has it, by whom and what the deals belong to as the facts say.
with periods as (

    select calendar_date, period_start from {{ ref('mart_metrics__periods') }} where period_grain = 'month'

),

-- the owner is the one of the version that begins with the leaving; of a dormant deal the present one
gone as (

    select
        leaks.left_date as calendar_date, leaks.deal_key, versions.owner_key, 1 as leaked_count, 0 as dormant_count,
        {{ converted('leaks.last_amount', 'leaks.exchange_rate') }} as last_amount
    from {{ ref('mart_sales__leaks') }} as leaks
    left join {{ ref('fct_deal_versions') }} as versions
        on versions.deal_key = leaks.deal_key and versions.valid_from <= leaks.left_at and coalesce(versions.valid_to, {{ end_of_time() }}) > leaks.left_at

    union all

    select {{ reporting_date('outcomes.last_sign_of_life_at') }}, deals.deal_key, deals.owner_key, 0, 1, null
    from {{ ref('mart_sales__deal_outcomes') }} as outcomes
    inner join {{ ref('dim_deals') }} as deals on deals.deal_key = outcomes.deal_key
    where outcomes.is_dormant

),

split as (

    select
        periods.period_start, gone.*, coalesce(owners.team_name, 'unknown') as team, coalesce(deals.product_line, 'unknown') as product_line,
        coalesce(companies.country, 'unknown') as country, {{ company_size('companies.employee_count') }} as company_size
    from gone
    inner join periods on periods.calendar_date = gone.calendar_date
    inner join {{ ref('dim_deals') }} as deals on deals.deal_key = gone.deal_key
    left join {{ ref('dim_owners') }} as owners on owners.owner_key = gone.owner_key
    left join {{ ref('dim_companies') }} as companies on companies.company_key = deals.company_key

),

counted as (

    {% for dimension, key in {'owner': 'cast(owner_key as varchar)', 'team': 'team', 'product_line': 'product_line', 'country': 'country', 'company_size': 'company_size'}.items() -%}
    select
        period_start, '{{ dimension }}' as dimension, {{ key }} as dimension_key, sum(leaked_count) as leaked_count, sum(dormant_count) as dormant_count,
        coalesce(sum(last_amount), 0) as last_amount
    from split
    group by 1, 2, 3
    union all
    {% endfor -%}
    {% for dimension, key in {'all': "'all'", 'pipeline': 'cast(pipeline_key as varchar)', 'channel': 'channel', 'direction': 'lead_direction'}.items() -%}
    select period_start, '{{ dimension }}', {{ key }}, sum(leaked_count), sum(dormant_count), sum(last_amount)
    from {{ ref('mart_sales__leakage') }}
    where period_grain = 'month'
    group by 1, 2, 3
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

told as (

    select period_start, dimension, dimension_key, leaked_count, dormant_count, last_amount
    from {{ ref('mart_sales__leakage_splits') }}
    where period_grain = 'month'

)

select 'only in mart_sales__leakage_splits' as where_it_stands, *, 'A leak or a dormant deal was given to another member, or twice.' as likely_cause
from (select * from told except all select * from counted)
union all
select 'not in mart_sales__leakage_splits', *, 'A member''s leaks or dormant deals are missing, or were given to another one.'
from (select * from counted except all select * from told)
