-- Whoever is named in a mart is named as in mart_metrics__dimension_values. Reasons are no members of a dimension there: they are their own names.
with named as (

    {% for mart in [
        'mart_customers__expansions', 'mart_customers__repeat_purchases', 'mart_customers__retention', 'mart_customers__unit_economics',
        'mart_customers__value_delivered', 'mart_marketing__consent', 'mart_marketing__cost_per_lead', 'mart_marketing__follow_ups',
        'mart_marketing__hand_offs', 'mart_marketing__lead_filter', 'mart_marketing__lead_funnel', 'mart_marketing__lead_quality',
        'mart_marketing__responses', 'mart_marketing__romi', 'mart_sales__coverage', 'mart_sales__forecast_backtest', 'mart_sales__forecast_weekly',
        'mart_sales__funnel', 'mart_sales__leakage_splits', 'mart_sales__pipeline_waterfall', 'mart_sales__sales_cycle', 'mart_sales__slippage',
        'mart_sales__touches', 'mart_sales__velocity', 'mart_sales__what_if', 'mart_sales__win_backs', 'mart_sales__win_probability',
        'mart_sales__win_rates',
    ] -%}
    select distinct '{{ mart }}' as mart, dimension, dimension_key, dimension_value from {{ ref(mart) }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    named.mart, named.dimension, named.dimension_key, named.dimension_value, members.dimension_value as name_of_the_member,
    'The join of the mart to mart_metrics__dimension_values finds another member or none: look at its dimension and key.' as likely_cause
from named
left join {{ ref('mart_metrics__dimension_values') }} as members
    on members.dimension = named.dimension and members.dimension_key = named.dimension_key
where named.dimension_value is distinct from case when named.dimension = 'reason' then named.dimension_key else members.dimension_value end
    or named.dimension_key is null
