{%- set splits = {
    'channel': 'leads.channel', 'direction': 'leads.lead_direction', 'owner': 'leads.owner_key', 'team': 'leads.team_name',
    'company_size': 'leads.company_size', 'country': 'leads.country',
} -%}
with by_day as (

    select
        leads.created_date as calendar_date,
        {{ grouped_split(splits) }},
        count(*) as lead_count,
        count(leads.first_mql_at) as mql_count,
        count(leads.first_sql_at) as sql_count,
        count(*) filter (where leads.has_deal) as with_deal_count,
        count(*) filter (where leads.is_customer) as customer_count
    from {{ ref('mart_marketing__leads') }} as leads
    {{ group_by_splits(['leads.created_date'], splits) }}

),

by_period as (

    {{ sums_by_period(ref('mart_metrics__periods'), 'by_day',
        ['lead_count', 'mql_count', 'sql_count', 'with_deal_count', 'customer_count']) }}

)

select
    by_period.period_grain,
    by_period.period_start,
    by_period.is_complete_period,
    by_period.dimension,
    by_period.dimension_key,
    coalesce(labels.dimension_value, by_period.dimension_key) as dimension_value,
    by_period.lead_count,
    by_period.mql_count,
    {{ safe_ratio('mql_count', 'lead_count') }} as mql_rate,
    {{ wilson_low('mql_count', 'lead_count') }} as mql_rate_low,
    {{ wilson_high('mql_count', 'lead_count') }} as mql_rate_high,
    by_period.sql_count,
    {{ safe_ratio('sql_count', 'lead_count') }} as sql_rate,
    {{ wilson_low('sql_count', 'lead_count') }} as sql_rate_low,
    {{ wilson_high('sql_count', 'lead_count') }} as sql_rate_high,
    by_period.with_deal_count,
    by_period.customer_count,
    {{ safe_ratio('customer_count', 'lead_count') }} as lead_to_customer_rate,
    {{ wilson_low('customer_count', 'lead_count') }} as lead_to_customer_rate_low,
    {{ wilson_high('customer_count', 'lead_count') }} as lead_to_customer_rate_high
from by_period
left join {{ ref('mart_metrics__dimension_values') }} as labels
    on labels.dimension = by_period.dimension and labels.dimension_key = by_period.dimension_key
