{#- the middle of a handful of deals a week says nothing, and to find it costs a sort: but for the company and its pipelines from months on -#}
{%- set splits = {
    'owner': 'owner_key', 'team': 'team_name', 'channel': 'channel', 'direction': 'lead_direction', 'product_line': 'product_line',
    'company_size': 'company_size', 'country': 'country',
} -%}
with closes as (

    select *, close_group = 'won' as is_won
    from {{ ref('mart_sales__closes') }}
    where close_group in ('won', 'lost') and not is_removed

),

by_period as (

    {% for among, grains in [({'pipeline': 'pipeline_key'}, none), (splits, ['month', 'quarter', 'year', 'all'])] -%}
    select
        periods.period_grain,
        periods.period_start,
        periods.is_complete_period,
        {{ grouped_split(among) }},
        {% for name, days, condition in [
            ('won_created', 'closes.days_from_created', 'closes.is_won'),
            ('won_lost_created', 'closes.days_from_created', 'true'),
            ('won_lead', 'closes.days_from_lead', 'closes.is_won'),
            ('won_lost_lead', 'closes.days_from_lead', 'true'),
        ] -%}
        count({{ days }}) filter (where {{ condition }}) as {{ name }}_count,
        -- as decimals: a sum of doubles depends on the order in which threads add them, and a rebuild would differ
        cast(sum(cast({{ days }} as decimal(18, 9))) filter (where {{ condition }}) as double) as {{ name }}_total,
        {{ quantiles(days, ['0.5', '0.9']) }} filter (where {{ condition }}) as {{ name }}_quantiles{{ ',' if not loop.last }}
        {% endfor %}
    from closes
    inner join {{ ref('mart_metrics__periods') }} as periods on periods.calendar_date = closes.closed_date
    {% if grains %}where periods.period_grain in ('{{ grains | join("', '") }}'){% endif %}
    {{ group_by_splits(['periods.period_grain', 'periods.period_start', 'periods.is_complete_period'], among, in_all=not grains) }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

long as (

    {% for outcome_scope, measured_from, name in [
        ('won', 'created', 'won_created'), ('won_lost', 'created', 'won_lost_created'),
        ('won', 'lead_created', 'won_lead'), ('won_lost', 'lead_created', 'won_lost_lead'),
    ] -%}
    select
        period_grain, period_start, is_complete_period, dimension, dimension_key,
        '{{ outcome_scope }}' as outcome_scope,
        '{{ measured_from }}' as measured_from,
        {{ name }}_count as deal_count,
        {{ name }}_total as total_days,
        {{ name }}_quantiles[1] as median_days,
        {{ name }}_quantiles[2] as p90_days
    from by_period
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    long.period_grain,
    long.period_start,
    long.is_complete_period,
    long.dimension,
    long.dimension_key,
    labels.dimension_value,
    long.outcome_scope,
    long.measured_from,
    long.deal_count,
    long.total_days,
    {{ safe_ratio('long.total_days', 'long.deal_count') }} as mean_days,
    long.median_days,
    long.p90_days
from long
left join {{ ref('mart_metrics__dimension_values') }} as labels
    on labels.dimension = long.dimension and labels.dimension_key = long.dimension_key
