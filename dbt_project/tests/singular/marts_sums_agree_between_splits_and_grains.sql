-- What is counted for the whole company is counted once among the members of every dimension, and once in every grain of time.
{%- set of_leads = ['channel', 'direction', 'owner', 'team', 'company_size', 'country'] -%}
{%- set of_customers = ['channel', 'product_line', 'company_size', 'country'] -%}
{%- set of_deals = ['pipeline', 'owner', 'team', 'channel', 'direction', 'product_line', 'company_size', 'country'] -%}
{%- set long = ['month', 'quarter', 'year'] -%}
{#- a period of activities alone has no deal: mart_sales__touches is asked where there are wins -#}
{#- mart, condition, dimensions, grains (the last one is what the others are held against), measures -#}
{%- set marts = [
    ('mart_marketing__lead_funnel', 'true', of_leads, ['day', 'week'] + long + ['all'],
        ['lead_count', 'mql_count', 'sql_count', 'with_deal_count', 'customer_count']),
    ('mart_marketing__lead_quality', 'true', of_leads, ['day', 'week'] + long + ['all'], ['lead_count', 'fitting_count']),
    ('mart_marketing__lead_filter', 'true', of_leads + ['reason'], ['week'] + long + ['all'],
        ['cut_count', 'fitting_count', 'came_back_count', 'wrong_cut_count', 'wrong_cut_amount', 'unconverted_count']),
    ('mart_marketing__hand_offs', 'true', of_leads + ['reason'], ['week'] + long + ['all'],
        ['offered_count', 'accepted_count', 'rejected_count', 'recycled_count', 'undecided_count', 'touched_count', 'on_time_count', 'waiting_count']),
    ('mart_marketing__follow_ups', 'true', ['pipeline', 'owner', 'team'], ['week'] + long + ['all'],
        ['presentation_count', 'followed_up_count', 'waiting_count']),
    ('mart_marketing__responses', "response_kind = 'first_request'", of_leads, ['week'] + long + ['all'],
        ['attempted_count', 'answered_count', 'unanswered_count', 'waiting_count']),
    ('mart_customers__expansions', 'true', of_customers, long + ['all'],
        ['customer_deal_count', 'upsell_count', 'cross_sell_count', 'repeat_count', 'no_line_count', 'unconverted_count', 'upsell_amount',
         'cross_sell_amount']),
    ('mart_customers__repeat_purchases', 'true', of_customers, ['month', 'all'], ['customer_count', 'repeat_count', 'purchase_count', 'referral_count']),
    ('mart_customers__value_delivered', 'true', of_customers, long + ['all'],
        ['won_count', 'paid_count', 'part_paid_count', 'unpaid_count', 'not_yet_due_count', 'unknown_payment_count', 'promised_amount', 'achieved_amount',
         'unmeasured_count', 'discount_amount', 'won_amount', 'unconverted_count']),
    ('mart_sales__win_rates', 'true', of_deals, ['day', 'week'] + long + ['all'],
        ['won_count', 'lost_count', 'disqualified_count', 'no_decision_count', 'removed_count', 'won_amount', 'closed_amount', 'unconverted_count',
         'unconverted_won_count', 'created_count', 'created_won_count', 'dormant_count']),
    ('mart_sales__win_backs', 'true', of_deals, long,
        ['lost_count', 'came_back_count', 'reopened_count', 'new_deal_count', 'won_back_count', 'won_back_amount', 'unconverted_count', 'undecided_count']),
    ('mart_sales__leakage_splits', 'true', of_deals, ['week'] + long + ['all'],
        ['leaked_count', 'last_amount', 'maximum_amount', 'dormant_count', 'dormant_amount']),
    ('mart_sales__touches', "touch_kind = 'any' and (won_count > 0 or dimension <> 'all')", of_deals, ['week'] + long, ['won_count', 'without_presentation_count']),
    ('mart_sales__sales_cycle', "outcome_scope = 'won_lost' and period_grain in ('month', 'quarter', 'year', 'all')", of_deals, long + ['all'],
        ['deal_count', "case when measured_from = 'created' then deal_count end"]),
    ('mart_sales__sales_cycle', "outcome_scope = 'won' and dimension in ('all', 'pipeline')", ['pipeline'], ['day', 'week'] + long + ['all'],
        ['deal_count', "case when measured_from = 'created' then deal_count end"]),
    ('mart_sales__slippage', 'true', ['pipeline', 'owner', 'team'], [],
        ['expected_count', 'closed_count', 'slipped_count', 'won_count', 'not_won_count', 'removed_count', 'push_count', 'expected_amount', 'slipped_amount']),
    ('mart_sales__velocity', 'true', of_deals, [], ['open_count', 'won_count', 'closed_count', 'won_amount', 'converted_won_count']),
] %}
with figures as (

    {% for mart, condition, dimensions, grains, measures in marts -%}
    select {{ loop.index }} as place, period_grain, period_start, dimension, [{% for each in measures %}sum(coalesce({{ each }}, 0)){{ ', ' if not loop.last }}{% endfor %}] as sums
    from {{ ref(mart) }}
    where {{ condition }}
    group by period_grain, period_start, dimension
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

by_grain as (

    {% for mart, condition, dimensions, grains, measures in marts if grains -%}
    select {{ marts.index((mart, condition, dimensions, grains, measures)) + 1 }} as place, period_grain,
        [{% for each in measures %}sum(coalesce({{ each }}, 0)){{ ', ' if not loop.last }}{% endfor %}] as sums
    from {{ ref(mart) }}
    where {{ condition }} and dimension = 'all'
    group by period_grain
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

asked as (

    select *
    from (values
        {% for mart, condition, dimensions, grains, measures in marts -%}
        ({{ loop.index }}, '{{ mart }}', ['{{ dimensions | join("', '") }}'], [{% for each in grains %}'{{ each }}'{{ ', ' if not loop.last }}{% endfor %}],
            '{{ (measures | join(", ")) | replace("'", "") }}'){{ ',' if not loop.last }}
        {% endfor %}
    ) as asked (place, mart, dimensions, grains, measures)

),

splits as (select place, mart, measures, unnest(dimensions) as dimension from asked),

grains as (select place, mart, measures, unnest(grains) as period_grain, grains[-1] as longest_grain from asked where len(grains) > 0)

select
    splits.mart, wholes.period_grain, wholes.period_start, splits.dimension, splits.measures, cast(wholes.sums as varchar) as sums_of_the_whole,
    cast(parts.sums as varchar) as sums_found,
    'A member of the dimension was lost or counted twice: look for a join to the dimension, and for rows without a member.' as likely_cause
from figures as wholes
inner join splits on splits.place = wholes.place
left join figures as parts
    on parts.place = wholes.place and parts.period_grain = wholes.period_grain and parts.period_start = wholes.period_start
    and parts.dimension = splits.dimension
where wholes.dimension = 'all' and parts.sums is distinct from wholes.sums

union all

select
    grains.mart, grains.period_grain, null, 'all', grains.measures, cast(longest.sums as varchar), cast(by_grain.sums as varchar),
    'A day is missing from or doubled in a grain of the mart.'
from grains
inner join by_grain as longest on longest.place = grains.place and longest.period_grain = grains.longest_grain
left join by_grain on by_grain.place = grains.place and by_grain.period_grain = grains.period_grain
where by_grain.sums is distinct from longest.sums
