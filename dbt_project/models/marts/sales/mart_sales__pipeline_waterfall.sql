{%- set buckets = {
    'created': 1, 'reopened': 1, 'restored': 1, 'moved_in': 1, 'pulled_in': 1, 'increased': 1,
    'decreased': -1, 'pushed_out': -1, 'moved_out': -1, 'won': -1, 'lost': -1, 'deleted': -1, 'merged': -1,
} -%}
{%- set counted = buckets.keys() | reject('in', ['increased', 'decreased']) | list -%}
{%- set moved = ['pipeline_moved_in', 'pipeline_moved_out'] -%}
{#- what is added up, in the order in which it is joined -#}
{%- set measures = [] -%}
{%- for measure in ['count', 'amount', 'unconverted_count'] -%}{%- do measures.extend(['opening_' ~ measure, 'closing_' ~ measure]) -%}{%- endfor -%}
{%- do measures.extend(['exchange_rate_amount', 'rounding_amount', 'rate_gap_amount']) -%}
{%- for bucket in counted + moved -%}{%- do measures.append(bucket ~ '_count') -%}{%- endfor -%}
{%- for bucket in buckets.keys() | list + moved -%}{%- do measures.append(bucket ~ '_amount') -%}{%- endfor -%}
{%- do measures.extend(['movement_count', 'unconverted_movement_count']) -%}
with periods as (

    select distinct period_grain, period_start, is_complete_period from {{ ref('mart_metrics__periods') }}

),

-- the ends come from the versions, the buckets from the movements
joined as (

    select
        coalesce(ends.waterfall_form, changes.waterfall_form) as waterfall_form,
        coalesce(ends.period_grain, changes.period_grain) as period_grain,
        coalesce(ends.period_start, changes.period_start) as period_start,
        coalesce(ends.dimension, changes.dimension) as dimension,
        coalesce(ends.dimension_key, changes.dimension_key) as dimension_key
        {%- for measure in measures %},
        coalesce({{ 'ends' if measure.startswith(('opening_', 'closing_', 'exchange_rate', 'rounding', 'rate_gap')) else 'changes' }}.{{ measure }}, 0) as {{ measure }}
        {%- endfor %}
    from {{ ref('mart_sales__waterfall_ends') }} as ends
    full join {{ ref('mart_sales__waterfall_changes') }} as changes
        on ends.waterfall_form = changes.waterfall_form and ends.period_grain = changes.period_grain and ends.period_start = changes.period_start
        and ends.dimension = changes.dimension and ends.dimension_key = changes.dimension_key

),

-- a team's are those of its sellers; what goes from one of them to another moved out and in
with_teams as (

    select joined.* from joined

    union all

    select
        sellers.waterfall_form, sellers.period_grain, sellers.period_start, 'team', coalesce(owners.team_name, 'unknown')
        {%- for measure in measures %},
        cast(sum(sellers.{{ measure }}) as {{ 'bigint' if measure.endswith('_count') else 'decimal(18, 2)' }})
        {%- endfor %}
    from joined as sellers
    left join {{ ref('dim_owners') }} as owners on cast(owners.owner_key as varchar) = sellers.dimension_key
    where sellers.dimension = 'owner'
    group by 1, 2, 3, 4, 5

)

select
    members.waterfall_form,
    members.period_grain,
    members.period_start,
    periods.is_complete_period,
    members.dimension,
    members.dimension_key,
    labels.dimension_value,
    members.opening_count,
    {% for bucket in counted -%}
    members.{{ bucket }}_count,
    {% endfor -%}
    members.closing_count,
    cast(members.closing_count - (members.opening_count
        {%- for bucket, sign in buckets.items() if bucket in counted %} {{ '+' if sign > 0 else '-' }} members.{{ bucket }}_count{% endfor %}
    ) as bigint) as residual_count,
    cast(members.opening_amount as decimal(18, 2)) as opening_amount,
    {% for bucket in buckets -%}
    cast(members.{{ bucket }}_amount as decimal(18, 2)) as {{ bucket }}_amount,
    {% endfor -%}
    cast(members.exchange_rate_amount as decimal(18, 2)) as exchange_rate_amount,
    cast(members.closing_amount as decimal(18, 2)) as closing_amount,
    cast(members.closing_amount - (members.opening_amount
        {%- for bucket, sign in buckets.items() %} {{ '+' if sign > 0 else '-' }} members.{{ bucket }}_amount{% endfor %} + members.exchange_rate_amount
    ) as decimal(18, 2)) as residual_amount,
    cast(members.rounding_amount as decimal(18, 2)) as rounding_amount,
    cast(members.rate_gap_amount as decimal(18, 2)) as rate_gap_amount,
    {% for bucket in moved -%}
    members.{{ bucket }}_count,
    cast(members.{{ bucket }}_amount as decimal(18, 2)) as {{ bucket }}_amount,
    {% endfor -%}
    members.unconverted_movement_count,
    members.opening_unconverted_count,
    members.closing_unconverted_count,
    '{{ var("currency") }}' as currency_code,
    'booked' as amount_basis
from with_teams as members
inner join periods on periods.period_grain = members.period_grain and periods.period_start = members.period_start
left join {{ ref('mart_metrics__dimension_values') }} as labels
    on labels.dimension = members.dimension and labels.dimension_key = members.dimension_key
-- a period that a deal was once expected to close in, but was not by the time it began
where members.waterfall_form = 'all_open' or members.movement_count + members.opening_count + members.closing_count > 0
