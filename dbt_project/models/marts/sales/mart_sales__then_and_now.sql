{%- set beginning = "date '0001-01-01'" -%}
{%- set followed = ['deal_status', 'pipeline_key', 'stage_key', 'deal_amount', 'currency_code', 'expected_close_date', 'owner_key'] -%}
with thens as (

    select distinct period_start, cast(period_start - interval 1 day as date) as then_date
    from {{ ref('mart_metrics__periods') }}
    where (period_grain = 'month' and period_start >= date_trunc('month', as_of_date) - interval 12 month)
        or (period_grain = 'quarter' and period_start >= date_trunc('quarter', as_of_date) - interval 24 month)

),

-- the versions lie in the order of their deals
marked as (

    select *, {{ first_of_deal('valid_from') }} as is_first from {{ ref('fct_deal_versions') }}

),

-- what a CRM writes over the expected close at the closing is no plan: a deal that is not open keeps the last one it had while open
versions as (

    select
        deal_key, valid_from_date, valid_to_date, is_current, deal_status, pipeline_key, stage_key, deal_amount, currency_code, owner_key,
        nullif({{ newest_so_far(
            "case when deal_status = 'open' then coalesce(expected_close_date, " ~ beginning ~ ") when is_first then " ~ beginning ~ " end", 'valid_from'
        ) }}, {{ beginning }}) as expected_close_date
    from marked

),

-- in force at the beginning of some month; and what had ended by then and has not changed since is the same then and now
befores as (

    select *
    from (
        select
            *, cast(date_trunc('month', valid_from_date) as date) as from_month,
            coalesce(cast(date_trunc('month', valid_to_date) as date), date '9999-12-31') as to_month
        from versions
    ) as dated
    where from_month < to_month and (deal_status = 'open' or not is_current)

),

-- every past beginning asked for is that of a month: which of them a version was in force at is told by its two months, and few pairs of months there are
spans as (

    select months.from_month, months.to_month, thens.period_start, thens.then_date
    from (select distinct from_month, to_month from befores) as months
    inner join thens on months.from_month < thens.period_start and months.to_month >= thens.period_start

),

pairs as (

    select
        spans.period_start,
        spans.then_date,
        before.deal_key,
        {% for column in followed -%}
        before.{{ column }} as then_{{ column }},
        current.{{ column }} as now_{{ column }},
        before.{{ column }} is distinct from current.{{ column }} as is_{{ column }}_changed{{ ',' if not loop.last }}
        {% endfor %}
    from befores as before
    inner join spans on spans.from_month = before.from_month and spans.to_month = before.to_month
    inner join versions as current on current.deal_key = before.deal_key and current.is_current

)

select
    pairs.period_start,
    pairs.then_date,
    pairs.deal_key,
    deals.source_system,
    deals.source_deal_id,
    deals.crm_url,
    {% for column in followed -%}
    pairs.then_{{ column }},
    pairs.now_{{ column }},
    {% if column == 'stage_key' -%}
    stages_then.stage_name as then_stage_name,
    stages_now.stage_name as now_stage_name,
    {% endif -%}
    {% endfor -%}
    pairs.is_deal_status_changed as is_status_changed,
    pairs.is_pipeline_key_changed as is_pipeline_changed,
    pairs.is_stage_key_changed as is_stage_changed,
    pairs.is_deal_amount_changed as is_amount_changed,
    pairs.is_currency_code_changed as is_currency_changed,
    pairs.is_expected_close_date_changed as is_expected_close_changed,
    pairs.is_owner_key_changed as is_owner_changed,
    case when not pairs.is_currency_code_changed then cast(pairs.now_deal_amount - pairs.then_deal_amount as decimal(18, 2)) end as changed_amount,
    cast(pairs.now_expected_close_date - pairs.then_expected_close_date as bigint) as expected_close_moved_days
from pairs
inner join {{ ref('dim_deals') }} as deals on deals.deal_key = pairs.deal_key
left join {{ ref('mart_sales__stages') }} as stages_then on stages_then.stage_key = pairs.then_stage_key
left join {{ ref('mart_sales__stages') }} as stages_now on stages_now.stage_key = pairs.now_stage_key
where pairs.then_deal_status = 'open'
    {%- for column in followed %}
    or pairs.is_{{ column }}_changed
    {%- endfor %}
