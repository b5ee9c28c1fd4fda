{%- set splits = {
    'channel': 'leads.channel', 'direction': 'leads.lead_direction', 'owner': 'leads.owner_key', 'team': 'leads.team_name',
    'company_size': 'leads.company_size', 'country': 'leads.country',
} -%}
with by_day as (

    select
        leads.created_date as calendar_date,
        {{ grouped_split(splits) }},
        count(*) as lead_count,
        count(leads.fits_target) as judged_count,
        count(*) filter (where leads.fits_target) as fitting_count
    from {{ ref('mart_marketing__leads') }} as leads
    {{ group_by_splits(['leads.created_date'], splits) }}

),

by_period as (

    {{ sums_by_period(ref('mart_metrics__periods'), 'by_day',
        ['lead_count', 'judged_count', 'fitting_count']) }}

)

-- without a declared criterion nobody knows who fits: null, not nought
select
    by_period.period_grain,
    by_period.period_start,
    by_period.is_complete_period,
    by_period.dimension,
    by_period.dimension_key,
    coalesce(labels.dimension_value, by_period.dimension_key) as dimension_value,
    by_period.lead_count,
    case when judged_count > 0 then fitting_count end as fitting_count,
    case when judged_count > 0 then {{ safe_ratio('fitting_count', 'lead_count') }} end as fitting_rate,
    case when judged_count > 0 then {{ wilson_low('fitting_count', 'lead_count') }} end as fitting_rate_low,
    case when judged_count > 0 then {{ wilson_high('fitting_count', 'lead_count') }} end as fitting_rate_high,
    case when judged_count = 0 then 'no_criteria' end as fitting_missing_reason
from by_period
left join {{ ref('mart_metrics__dimension_values') }} as labels
    on labels.dimension = by_period.dimension and labels.dimension_key = by_period.dimension_key
