{%- set splits = {
    'channel': 'cut_leads.channel', 'direction': 'cut_leads.lead_direction', 'owner': 'cut_leads.owner_key',
    'team': 'cut_leads.team_name', 'company_size': 'cut_leads.company_size', 'country': 'cut_leads.country', 'reason': 'cut_leads.cut_reason',
} -%}
with by_day as (

    select
        cut_leads.cut_date as calendar_date,
        {{ grouped_split(splits) }},
        count(*) as cut_count,
        count(*) filter (where cut_leads.fits_target) as fitting_count,
        count(*) filter (where cut_leads.has_come_back) as came_back_count,
        count(*) filter (where cut_leads.is_wrong_cut) as wrong_cut_count,
        coalesce(sum(cut_leads.won_amount), 0) as wrong_cut_amount,
        sum(cut_leads.unconverted_count) as unconverted_count
    from {{ ref('mart_marketing__cut_leads') }} as cut_leads
    {{ group_by_splits(['cut_leads.cut_date'], splits) }}

),

by_period as (

    {{ sums_by_period(ref('mart_metrics__periods'), 'by_day',
        ['cut_count', 'fitting_count', 'came_back_count', 'wrong_cut_count', 'unconverted_count'],
        ['wrong_cut_amount'],
        grains=['week', 'month', 'quarter', 'year', 'all']) }}

)

select
    by_period.period_grain,
    by_period.period_start,
    by_period.is_complete_period,
    by_period.dimension,
    by_period.dimension_key,
    coalesce(labels.dimension_value, by_period.dimension_key) as dimension_value,
    by_period.cut_count,
    by_period.fitting_count,
    by_period.came_back_count,
    by_period.wrong_cut_count,
    {{ safe_ratio('wrong_cut_count', 'cut_count') }} as wrong_cut_rate,
    {{ wilson_low('wrong_cut_count', 'cut_count') }} as wrong_cut_rate_low,
    {{ wilson_high('wrong_cut_count', 'cut_count') }} as wrong_cut_rate_high,
    by_period.wrong_cut_amount,
    by_period.unconverted_count,
    '{{ var("currency") }}' as currency_code,
    'booked' as amount_basis
from by_period
left join {{ ref('mart_metrics__dimension_values') }} as labels
    on labels.dimension = by_period.dimension and labels.dimension_key = by_period.dimension_key
