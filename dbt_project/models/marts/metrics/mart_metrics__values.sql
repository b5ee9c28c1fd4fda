{#- metric, value, numerator, denominator: expressions over one mart; is_amount: the value is money. -#}
{%- set win_rate_metrics = [
    ('deals_created', 'created_count', 'created_count', 'null', false),
    ('deals_won', 'won_count', 'won_count', 'null', false),
    ('deals_lost', 'lost_count', 'lost_count', 'null', false),
    ('won_amount', 'won_amount', 'won_amount', 'null', true),
    ('win_rate', 'win_rate', 'won_count', 'closed_count', false),
    ('value_win_rate', 'value_win_rate', 'won_amount', 'closed_amount', true),
    ('broad_win_rate', 'broad_win_rate', 'won_count', 'broad_closed_count', false),
    ('effective_win_rate', 'effective_win_rate', 'won_count', 'effective_closed_count', false),
    ('created_win_rate', 'created_win_rate', 'created_won_count', 'created_count', false),
    ('average_deal_size', 'won_amount_per_deal', 'won_amount', 'converted_won_count', true),
] -%}
{%- set cycle_metrics = [
    ('sales_cycle_days', 'won', 'created'), ('sales_cycle_won_lost_days', 'won_lost', 'created'),
    ('sales_cycle_from_lead_days', 'won', 'lead_created'),
    ('sales_cycle_won_lost_from_lead_days', 'won_lost', 'lead_created'),
] -%}
{%- set slippage_metrics = [
    ('slippage_rate', 'slippage_rate', 'slipped_count', 'expected_count', false),
    ('not_won_rate', 'not_won_rate', 'not_won_count', 'expected_count', false),
    ('slippage_amount_rate', 'slippage_amount_rate', 'slipped_amount', 'expected_amount', true),
    ('pushes', 'push_count', 'push_count', 'null', false),
] -%}
with period_ends as (

    select period_grain, period_start, prior_period_start, is_complete_period, max(calendar_date) as last_date
    from {{ ref('mart_metrics__periods') }}
    where period_grain <> 'all'
    group by 1, 2, 3, 4

),

open_at_end as (

    select
        daily.period_grain, daily.period_start, {{ grouped_split(seller_splits()) }},
        sum(daily.open_count) as open_count, sum(daily.open_amount) as open_amount
    from (
        select
            ends.period_grain, ends.period_start, daily.pipeline_key, daily.owner_key, coalesce(owners.team_name, 'unknown') as team_name,
            daily.open_count, daily.open_amount
        from {{ ref('mart_sales__pipeline_daily') }} as daily
        inner join period_ends as ends on ends.last_date = daily.calendar_date
        left join {{ ref('dim_owners') }} as owners on owners.owner_key = daily.owner_key
    ) as daily
    {{ group_by_splits(['daily.period_grain', 'daily.period_start'], seller_splits()) }}

),

measured as (

    {% for metric, value, numerator, denominator, is_amount in win_rate_metrics -%}
    select '{{ metric }}' as metric, period_grain, period_start, dimension, dimension_key,
        cast({{ value }} as double) as metric_value, cast({{ numerator }} as double) as numerator,
        cast({{ denominator }} as double) as denominator, {{ is_amount }} as is_amount
    from {{ ref('mart_sales__win_rates') }}
    union all
    {% endfor %}
    {% for metric, value, numerator, denominator, is_amount in slippage_metrics -%}
    select '{{ metric }}', period_grain, period_start, dimension, dimension_key,
        cast({{ value }} as double), cast({{ numerator }} as double), cast({{ denominator }} as double), {{ is_amount }}
    from {{ ref('mart_sales__slippage') }}
    union all
    {% endfor %}
    {% for metric, scope, measured_from in cycle_metrics -%}
    {% for suffix, value, numerator, denominator in [
        ('', 'mean_days', 'total_days', 'deal_count'), ('_median', 'median_days', 'null', 'deal_count'),
        ('_p90', 'p90_days', 'null', 'deal_count')] -%}
    select '{{ metric ~ suffix }}', period_grain, period_start, dimension, dimension_key,
        {{ value }}, cast({{ numerator }} as double), cast({{ denominator }} as double), false
    from {{ ref('mart_sales__sales_cycle') }}
    where outcome_scope = '{{ scope }}' and measured_from = '{{ measured_from }}'
    union all
    {% endfor %}
    {%- endfor %}
    {% for metric, value, is_amount in [('open_deals', 'open_count', false), ('open_amount', 'open_amount', true)] -%}
    select '{{ metric }}', period_grain, period_start, dimension, dimension_key,
        cast({{ value }} as double), cast({{ value }} as double), cast(null as double), {{ is_amount }}
    from open_at_end
    union all
    {% endfor %}
    {% for metric, value, is_amount in [('leaked_deals', 'leaked_count', false), ('leaked_amount', 'last_amount', true), ('leaked_maximum_amount', 'maximum_amount', true),
        ('dormant_deals', 'dormant_count', false)] -%}
    select '{{ metric }}', period_grain, period_start, dimension, dimension_key,
        cast({{ value }} as double), cast({{ value }} as double), cast(null as double), {{ is_amount }}
    from {{ ref('mart_sales__leakage_splits') }}
    union all
    {% endfor %}
    select 'stage_conversion_' || cohort_kind, period_grain, period_start, 'stage', cast(stage_key as varchar),
        conversion_rate, cast(converted_count as double), cast(cohort_count as double), false
    from {{ ref('mart_sales__stage_conversion_by_cohort') }}
    where stage_key is not null and counting <> 'touched'
    union all
    select 'stage_visits', period_grain, period_start, 'stage', cast(stage_key as varchar),
        cast(entered_count as double), cast(entered_count as double), cast(null as double), false
    from {{ ref('mart_sales__visit_flow') }}
    union all
    select metric, period_grain, period_start, dimension, dimension_key, metric_value, numerator, denominator, is_amount
    from {{ ref('mart_metrics__marketing_values') }}
    union all
    select metric, period_grain, period_start, dimension, dimension_key, metric_value, numerator, denominator, is_amount
    from {{ ref('mart_metrics__sales_values') }}

)

select
    measured.metric,
    measured.period_grain,
    measured.period_start,
    measured.dimension,
    coalesce(labels.dimension_value, measured.dimension_key) as dimension_value,
    measured.metric_value as "value",
    measured.numerator,
    measured.denominator,
    case when measured.is_amount then '{{ var("currency") }}' end as currency_code,
    case when measured.is_amount then 'booked' end as amount_basis,
    targets.target,
    case when targets.target is null then coalesce(targets.target_missing_reason, 'none_declared') end as target_missing_reason,
    before.metric_value as prior_value,
    ends.is_complete_period,
    sources.data_through,
    sources.run_id
from measured
-- the grain of all time serves the funnel; a metric over time has none
inner join period_ends as ends
    on ends.period_grain = measured.period_grain and ends.period_start = measured.period_start
cross join (select max(warehouse_data_through) as data_through, max(run_id) as run_id from {{ ref('dim_sources') }}) as sources
-- joined and not looked back at: a window would put every value in order
left join measured as before
    on before.metric = measured.metric and before.period_grain = measured.period_grain and before.period_start = ends.prior_period_start
    and before.dimension = measured.dimension and before.dimension_key = measured.dimension_key
left join {{ ref('mart_metrics__dimension_values') }} as labels
    on labels.dimension = measured.dimension and labels.dimension_key = measured.dimension_key
left join {{ ref('mart_metrics__targets') }} as targets
    on targets.metric = measured.metric and targets.period_grain = measured.period_grain and targets.period_start = measured.period_start
    and targets.dimension = measured.dimension and targets.dimension_value = coalesce(labels.dimension_value, measured.dimension_key)
