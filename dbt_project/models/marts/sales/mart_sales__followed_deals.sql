{%- set splits = deal_splits() -%}
with as_of as (

    select max(warehouse_data_through) as data_through
    from {{ ref('dim_sources') }}

),

-- the days begun until a deal was won or lost; of an open one until the as-of, of a deleted or merged one until its end: nobody knows what would have come
followed as (

    select
        periods.period_start as month_start, outcomes.created_pipeline_key as pipeline_key, outcomes.created_owner_key as owner_key,
        coalesce(owners.team_name, 'unknown') as team_name, outcomes.channel, outcomes.lead_direction, outcomes.product_line, outcomes.company_size,
        outcomes.country, outcomes.deal_status,
        -- nothing is asked beyond a year
        greatest(least(cast(ceil({{ hours_between('outcomes.created_at', 'coalesce(outcomes.outcome_at, as_of.data_through)') }} / 24) as bigint), 366), 0) as days
    from {{ ref('mart_sales__deal_outcomes') }} as outcomes
    cross join as_of
    left join {{ ref('dim_owners') }} as owners on owners.owner_key = outcomes.created_owner_key
    inner join {{ ref('mart_metrics__periods') }} as periods
        on periods.calendar_date = outcomes.created_date and periods.period_grain = 'month'

)

select
    month_start, {{ grouped_split(splits) }}, days,
    count(*) as deal_count,
    count(*) filter (where deal_status = 'won') as won_count,
    count(*) filter (where deal_status = 'lost') as lost_count
from followed
{{ group_by_splits(['month_start', 'days'], splits) }}
