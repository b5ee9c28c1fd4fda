{# What a metric of marketing or of customers is split by: a row's key in one of the named dimensions, and the bands and words behind them. #}

{# `keys`: name of a dimension to the column that holds its key; `all` needs none. #}
{% macro split_key(dimension, keys) -%}
    case {{ dimension }}
        when 'all' then 'all'
        {%- for name, column in keys.items() %}
        when '{{ name }}' then {{ column }}
        {%- endfor %}
    end
{%- endmacro %}

{# The dimensions of such a split as rows of one column. #}
{% macro split_names(keys) -%}
    (values ('all'){% for name in keys %}, ('{{ name }}'){% endfor %}) as splits (dimension)
{%- endmacro %}

{# The dimensions of a figure about deals, and the columns that hold their members: the owner's and team's of the event, everything else as it is now. #}
{% macro deal_splits() -%}
    {{ return({
        'pipeline': 'pipeline_key', 'owner': 'owner_key', 'team': 'team_name', 'channel': 'channel', 'direction': 'lead_direction',
        'product_line': 'product_line', 'company_size': 'company_size', 'country': 'country',
    }) }}
{%- endmacro %}

{# The dimensions of a figure about plans and about what is open: it belongs to a seller's pipeline, and is never followed deal by deal and day by day. #}
{% macro seller_splits() -%}
    {{ return({'pipeline': 'pipeline_key', 'owner': 'owner_key', 'team': 'team_name'}) }}
{%- endmacro %}

{# One pass over the rows for all dimensions: grouped by the columns `always`, by one dimension after the other and, `in_all`, by none. #}
{% macro group_by_splits(always, splits, in_all=true) -%}
    group by grouping sets (
        {% if in_all %}({{ always | join(', ') }}),{% endif %}
        {% for column in splits.values() -%}
        ({{ (always + [column]) | join(', ') }}){{ ',' if not loop.last }}
        {% endfor -%}
    )
{%- endmacro %}

{# The dimension of a row so grouped, and the key of its member. #}
{% macro grouped_split(splits) -%}
    case{% for name, column in splits.items() %} when grouping({{ column }}) = 0 then '{{ name }}'{% endfor %} else 'all' end as dimension,
    case{% for column in splits.values() %} when grouping({{ column }}) = 0 then cast({{ column }} as varchar){% endfor %} else 'all' end as dimension_key
{%- endmacro %}

{# The periods' sums of what was counted by day and split: `by_day` has calendar_date, dimension, dimension_key and the measures. `periods` is
   mart_metrics__periods, `grains` those that are asked for, none for all. #}
{% macro sums_by_period(periods, by_day, counts, amounts=[], grains=none) -%}
    select
        periods.period_grain,
        periods.period_start,
        periods.is_complete_period,
        days.dimension,
        days.dimension_key
        {%- for count in counts %},
        cast(sum(days.{{ count }}) as bigint) as {{ count }}
        {%- endfor %}
        {%- for amount in amounts %},
        cast(sum(days.{{ amount }}) as decimal(18, 2)) as {{ amount }}
        {%- endfor %}
    from {{ by_day }} as days
    inner join {{ periods }} as periods on periods.calendar_date = days.calendar_date
    {% if grains %}where periods.period_grain in ('{{ grains | join("', '") }}'){% endif %}
    group by 1, 2, 3, 4, 5
{%- endmacro %}

{# The band of a company's size: micro, small, medium and large enterprises as the European Union counts their employees. #}
{% macro company_size(employee_count) -%}
    case
        when {{ employee_count }} is null then 'unknown'
        when {{ employee_count }} < 10 then '1-9'
        when {{ employee_count }} < 50 then '10-49'
        when {{ employee_count }} < 250 then '50-249'
        else '250+'
    end
{%- endmacro %}

{# A person of ours turned to somebody: not a machine, not a task or a note, and not a meeting that was missed. What a CRM gives no direction came from us. #}
{% macro is_human_touch(activity) -%}
    {{ activity }}.activity_type in ('call', 'email', 'meeting', 'presentation', 'trial', 'customer_success')
    and coalesce({{ activity }}.direction, 'outbound') = 'outbound'
    and not {{ activity }}.is_automated
    and coalesce({{ activity }}.outcome, 'none') <> 'missed'
{%- endmacro %}

{# The company's declared limits as columns of one row. #}
{% macro declared_limits(names) -%}
    select
        {% for name in names -%}
        cast(max(case when limit_name = '{{ name }}' then limit_value end) as integer) as {{ name }}_limit{{ ',' if not loop.last }}
        {% endfor %}
{%- endmacro %}
