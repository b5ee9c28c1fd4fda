{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='deal_key', on_schema_change='fail') }}
{%- set looked_back = ['deal_status', 'stage_kind', 'pipeline_key', 'stage_key', 'owner_key', 'currency_code', 'deal_amount', 'known_close_date'] %}
with

-- Deals with news, and deals whose rates have changed since: one stated late, or the constant day's.
changed_deals as (

    select deal_key from {{ ref('fct_deal_steps') }} {{ only_new_loads() }}
    {% if is_incremental() %}
    union
    select held.deal_key
    from {{ this }} as held
    left join {{ ref('dim_reporting_rates') }} as rates on held.moved_date = rates.rate_date and held.currency_code = rates.currency_code
    where
        held.currency_code <> '{{ var("currency") }}'
        and (held.booked_exchange_rate is distinct from rates.booked_rate or held.constant_exchange_rate is distinct from rates.constant_rate)
    {% endif %}

),

-- The steps lie in the order of their deals; a part of them is put in order anew.
steps as (

    select deal_key, step_number, changed_at, changed_date, is_move, {{ looked_back | join(', ') }}, _load_number
    from {{ ref('fct_deal_steps') }}
    {% if is_incremental() %}where deal_key in (select deal_key from changed_deals) order by deal_key, step_number{% endif %}

),

neighbours as (

    select
        *,
        {% for column in looked_back -%}
        {{ row_before(column, 'step_number') }} as {{ column }}_before{{ ',' if not loop.last }}
        {% endfor %}
    from (select *, {{ first_of_deal('step_number') }} as is_first from steps) as marked

),

-- What a step does to the open pipeline: a deal enters or leaves it, changes hands or changes its worth. What closes on arrival has entered first.
effects as (

    select
        *,
        case
            when not is_move then case
                when deal_status_before <> 'open' then null
                when currency_code is distinct from currency_code_before then ['moved_out', 'moved_in', 'changed']
                when owner_key <> owner_key_before and deal_amount is not distinct from deal_amount_before then ['moved_out', 'moved_in']
                when owner_key <> owner_key_before then ['moved_out', 'moved_in', 'changed']
                when deal_amount is distinct from deal_amount_before then ['changed']
            end
            when deal_status_before = 'open' then case
                when deal_status = 'open' then ['moved_out', 'moved_in']
                when deal_status in ('won', 'lost') and pipeline_key is distinct from pipeline_key_before then ['moved_out', 'moved_in', deal_status]
                else ['left']
            end
            when deal_status = 'open' then ['entered']
            when deal_status in ('won', 'lost') and deal_status is distinct from stage_kind_before then ['entered', deal_status]
        end as effects
    from neighbours

),

movements as (

    select
        *,
        effect in ('moved_out', 'left') as is_of_before,
        case when effect in ('moved_in', 'entered') then 1 when effect = 'changed' then 0 else -1 end as sign
    from (select *, unnest(effects) as effect from effects where effects is not null) as movement

),

valued as (

    select
        movement.*,
        {% for basis in ['booked', 'constant'] -%}
        case when is_of_before then rate_before.{{ basis }}_rate else rate_now.{{ basis }}_rate end as {{ basis }}_rate,
        {{ converted('movement.deal_amount', 'rate_now.' ~ basis ~ '_rate') }} as {{ basis }}_amount,
        -- What was held before, as it stands before or, once it has moved into another currency, after: what left the old one, where both have a rate.
        case when is_of_before or rate_now.{{ basis }}_rate is not null then coalesce(
            {{ converted('movement.deal_amount_before', 'rate_before.' ~ basis ~ '_rate') }},
            case when not is_of_before then {{ converted('movement.deal_amount_before', 'rate_now.' ~ basis ~ '_rate') }} end
        ) end as {{ basis }}_amount_before{{ ',' if not loop.last }}
        {% endfor %}
    from movements as movement
    left join {{ ref('dim_reporting_rates') }} as rate_now
        on movement.changed_date = rate_now.rate_date and movement.currency_code = rate_now.currency_code
    left join {{ ref('dim_reporting_rates') }} as rate_before
        on movement.changed_date = rate_before.rate_date and movement.currency_code_before = rate_before.currency_code

),

deltas as (

    select
        *,
        case when effect = 'changed' then coalesce(deal_amount, 0) - coalesce(deal_amount_before, 0)
            when is_of_before then -deal_amount_before when is_move then sign * deal_amount else deal_amount_before end as amount_delta,
        {% for basis in ['booked', 'constant'] -%}
        case when effect = 'changed'
                then case when {{ basis }}_rate is not null then coalesce({{ basis }}_amount, 0) - coalesce({{ basis }}_amount_before, 0) end
            when is_of_before then -{{ basis }}_amount_before when is_move then sign * {{ basis }}_amount else {{ basis }}_amount_before
        end as {{ basis }}_amount_delta{{ ',' if not loop.last }}
        {% endfor %}
    from valued

),

named as (

    select
        *,
        case
            when effect = 'changed' then case sign(coalesce(nullif(booked_amount_delta, 0), nullif(constant_amount_delta, 0), amount_delta))
                when 1 then 'increased' when -1 then 'decreased' end
            when effect = 'left' then deal_status
            when effect = 'entered' then case when deal_status_before is null then 'created'
                when deal_status_before in ('deleted', 'merged') then 'restored' else 'reopened' end
            else effect
        end as bucket
    from deltas

)

select
    deal_key, step_number, bucket,
    changed_at as moved_at, changed_date as moved_date,
    cast(sign as bigint) as count_delta,
    cast(amount_delta as decimal(18, 2)) as amount_delta,
    cast(booked_amount_delta as decimal(18, 2)) as booked_amount_delta,
    cast(constant_amount_delta as decimal(18, 2)) as constant_amount_delta,
    booked_rate as booked_exchange_rate, constant_rate as constant_exchange_rate,
    case
        when amount_delta is null then 'no_amount'
        when case when is_of_before then currency_code_before else currency_code end is null then 'no_currency'
        when booked_rate is null or constant_rate is null then 'no_exchange_rate'
    end as amount_missing_reason,
    case when is_of_before then currency_code_before else currency_code end as currency_code,
    case when is_of_before then pipeline_key_before else pipeline_key end as pipeline_key,
    case when is_of_before then stage_key_before else stage_key end as stage_key,
    case when is_of_before then owner_key_before else owner_key end as owner_key,
    case when is_move then known_close_date else known_close_date_before end as known_close_date,
    effect in ('moved_in', 'moved_out') and pipeline_key is distinct from pipeline_key_before as is_pipeline_change,
    _load_number
from named
where bucket is not null
order by deal_key, step_number
