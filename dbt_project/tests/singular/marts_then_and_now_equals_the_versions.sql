-- Then and now: the version of the last day before each of the newest months and quarters beside the newest one, for every deal that was open or is
-- another by now. A deal that is not open keeps the expected close it had while open.
{%- set followed = ['deal_status', 'pipeline_key', 'stage_key', 'deal_amount', 'currency_code', 'owner_key'] %}
with thens as (

    select distinct period_start, period_start - 1 as then_date
    from {{ ref('mart_metrics__periods') }}
    where
        (period_grain = 'month' and date_diff('month', period_start, as_of_date) <= 12)
        or (period_grain = 'quarter' and date_diff('quarter', period_start, as_of_date) <= 8)

),

plans as (

    select deal_key, valid_from, valid_from_date, expected_close_date from {{ ref('fct_deal_versions') }} where deal_status = 'open'

),

then_plans as (

    select plans.deal_key, thens.then_date, arg_max(struct_pack(day := plans.expected_close_date), plans.valid_from) as plan
    from plans
    inner join thens on plans.valid_from_date <= thens.then_date
    group by plans.deal_key, thens.then_date

),

now_plans as (

    select deal_key, arg_max(struct_pack(day := expected_close_date), valid_from) as plan from plans group by deal_key

),

pairs as (

    select
        thens.period_start, thens.then_date, earlier.deal_key, now_stage.stage_name as now_stage_name, then_stage.stage_name as then_stage_name,
        {% for column in followed -%}
        earlier.{{ column }} as then_{{ column }}, newest.{{ column }} as now_{{ column }},
        {% endfor -%}
        then_plans.plan.day as then_expected_close_date, now_plans.plan.day as now_expected_close_date
    from thens
    inner join {{ ref('fct_deal_versions') }} as earlier
        on earlier.valid_from_date <= thens.then_date and coalesce(earlier.valid_to_date > thens.then_date, true)
    inner join {{ ref('fct_deal_versions') }} as newest on newest.deal_key = earlier.deal_key and newest.valid_to is null
    left join then_plans on then_plans.deal_key = earlier.deal_key and then_plans.then_date = thens.then_date
    left join now_plans on now_plans.deal_key = earlier.deal_key
    left join {{ ref('dim_stages') }} as then_stage on then_stage.stage_key = earlier.stage_key and then_stage.is_current
    left join {{ ref('dim_stages') }} as now_stage on now_stage.stage_key = newest.stage_key and now_stage.is_current

)

select
    coalesce(mart.period_start, pairs.period_start) as period_start, coalesce(mart.deal_key, pairs.deal_key) as deal_key,
    'The deal is told otherwise than its versions of then and now say, or is missing from mart_sales__then_and_now.' as likely_cause
from {{ ref('mart_sales__then_and_now') }} as mart
full join pairs on pairs.period_start = mart.period_start and pairs.deal_key = mart.deal_key
where
    case
        when pairs.deal_key is null then true
        when mart.deal_key is null then pairs.then_deal_status = 'open' or pairs.then_expected_close_date is distinct from pairs.now_expected_close_date
            {%- for column in followed %} or pairs.then_{{ column }} is distinct from pairs.now_{{ column }}{% endfor %}
        else
            mart.then_date <> pairs.then_date
            {%- for column in followed + ['expected_close_date', 'stage_name'] %}
            or mart.then_{{ column }} is distinct from pairs.then_{{ column }} or mart.now_{{ column }} is distinct from pairs.now_{{ column }}
            {%- endfor %}
            {%- for column, flag in {'deal_status': 'status', 'pipeline_key': 'pipeline', 'stage_key': 'stage', 'deal_amount': 'amount', 'currency_code': 'currency',
                                     'expected_close_date': 'expected_close', 'owner_key': 'owner'}.items() %}
            or mart.is_{{ flag }}_changed <> (pairs.then_{{ column }} is distinct from pairs.now_{{ column }})
            {%- endfor %}
            or mart.changed_amount is distinct from case
                when pairs.then_currency_code is not distinct from pairs.now_currency_code then pairs.now_deal_amount - pairs.then_deal_amount
            end
            or mart.expected_close_moved_days is distinct from date_diff('day', pairs.then_expected_close_date, pairs.now_expected_close_date)
    end
