{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='deal_key', on_schema_change='fail') }}
{%- set looked_back = ['deal_status', 'stage_kind', 'pipeline_key', 'stage_key', 'owner_key', 'currency_code', 'deal_amount', 'known_close_date'] %}
with

-- Deals with news, and deals whose rates have changed since: one stated late, or the constant day's.
changed_deals as (

    select deal_key from {{ ref('fct_deal_steps') }} {{ only_new_loads() }}
    {% if is_incremental() %}
    union
    select deal_key
    from {{ this }}
    where rowid in (
        select held.rowid
        from {{ this }} as held
        left join {{ ref('dim_reporting_rates') }} as rates on held.moved_date = rates.rate_date and held.currency_code = rates.currency_code
        where
            held.currency_code <> '{{ var("currency") }}'
            and (held.booked_exchange_rate is distinct from rates.booked_rate or held.constant_exchange_rate is distinct from rates.constant_rate)
    )
    {% endif %}

),

-- The steps lie in the order of their deals; a part of them is put in order anew.
steps as (

    select deal_key, step_number, changed_at, changed_date, is_move, {{ looked_back | join(', ') }}, _load_number
    from {{ ref('fct_deal_steps') }}
    {% if is_incremental() %}where {{ of_changed_deals(ref('fct_deal_steps')) }} order by deal_key, step_number{% endif %}

),

neighbours as (

    select *{% for column in looked_back %}, {{ row_before(column, 'step_number') }} as {{ column }}_before{% endfor %}
    from (select *, {{ first_of_deal('step_number') }} as is_first from steps) as marked

),

-- What a step does to the open pipeline.
effects as (

    select
        *,
        case when currency_code is distinct from currency_code_before then currency_code_before end as left_currency_code,
        case
            when not is_move then case
                when deal_status_before <> 'open' then null
                when currency_code is distinct from currency_code_before then 'moved and changed'
                when owner_key <> owner_key_before then case when deal_amount is distinct from deal_amount_before then 'moved and changed' else 'moved' end
                when deal_amount is distinct from deal_amount_before then 'changed'
            end
            when deal_status_before = 'open' then case
                when deal_status = 'open' then 'moved'
                when deal_status in ('won', 'lost') and pipeline_key is distinct from pipeline_key_before then 'moved and closed'
                else 'left'
            end
            when deal_status = 'open' then 'entered'
            when deal_status in ('won', 'lost') and deal_status is distinct from stage_kind_before then 'entered and closed'
        end as effect
    from neighbours

),

-- What closes on arrival has entered first; what changes hands leaves as it was, arrives with the old amount and then takes the new one.
parts (effect, part, sign, is_of_before) as (

    values
    ('entered', 'entered', 1, false), ('left', 'left', -1, true), ('changed', 'changed', 0, false),
    ('moved', 'moved_out', -1, true), ('moved', 'moved_in', 1, false),
    ('moved and changed', 'moved_out', -1, true), ('moved and changed', 'moved_in', 1, false), ('moved and changed', 'changed', 0, false),
    ('moved and closed', 'moved_out', -1, true), ('moved and closed', 'moved_in', 1, false), ('moved and closed', 'left', -1, false),
    ('entered and closed', 'entered', 1, false), ('entered and closed', 'left', -1, false)

),

rated as (

    select
        step.*,
        {% for basis in ['booked', 'constant'] -%}
        rate_now.{{ basis }}_rate,
        case when step.currency_code is distinct from step.currency_code_before then rate_before.{{ basis }}_rate else rate_now.{{ basis }}_rate end as {{ basis }}_rate_before,
        {{ converted('step.deal_amount', 'rate_now.' ~ basis ~ '_rate') }} as {{ basis }}_amount{{ ',' if not loop.last }}
        {% endfor %}
    from effects as step
    left join {{ ref('dim_reporting_rates') }} as rate_now
        on step.changed_date = rate_now.rate_date and step.currency_code = rate_now.currency_code
    left join {{ ref('dim_reporting_rates') }} as rate_before
        on step.changed_date = rate_before.rate_date and step.left_currency_code = rate_before.currency_code
    where step.effect is not null

),

-- Old amounts as they left; as they arrive in another currency that has a rate, where the old one had none, at the new one's.
valued as (

    select
        *,
        {% for basis in ['booked', 'constant'] -%}
        case when is_move then {{ basis }}_amount else {{ converted('deal_amount_before', basis ~ '_rate_before') }} end as {{ basis }}_amount_out,
        case when is_move then {{ basis }}_amount when {{ basis }}_rate is not null then coalesce(
            {{ converted('deal_amount_before', basis ~ '_rate_before') }}, {{ converted('deal_amount_before', basis ~ '_rate') }}
        ) end as {{ basis }}_amount_in{{ ',' if not loop.last }}
        {% endfor %}
    from rated

),

deltas as (

    select
        step.*, part.part, part.sign,
        {% for column in ['currency_code', 'pipeline_key', 'stage_key', 'owner_key', 'booked_rate', 'constant_rate'] -%}
        case when part.is_of_before then step.{{ column }}_before else step.{{ column }} end as held_{{ column }}, {% endfor %}
        case when part.part = 'changed' then coalesce(step.deal_amount, 0) - coalesce(step.deal_amount_before, 0)
            when step.is_move then part.sign * step.deal_amount else part.sign * step.deal_amount_before end as amount_delta,
        {% for basis in ['booked', 'constant'] -%}
        case
            when part.part = 'changed' then case when step.{{ basis }}_rate is not null then coalesce(step.{{ basis }}_amount, 0) - coalesce(step.{{ basis }}_amount_in, 0) end
            when part.is_of_before then -step.{{ basis }}_amount_out else part.sign * step.{{ basis }}_amount_in
        end as {{ basis }}_amount_delta{{ ',' if not loop.last }}
        {% endfor %}
    from valued as step
    inner join parts as part on step.effect = part.effect

)

select
    deal_key, step_number,
    case
        when part = 'left' then deal_status
        when part = 'entered' then case when deal_status_before is null then 'created'
            when deal_status_before in ('deleted', 'merged') then 'restored' else 'reopened' end
        when part <> 'changed' then part
        when coalesce(nullif(booked_amount_delta, 0), nullif(constant_amount_delta, 0), amount_delta) > 0 then 'increased' else 'decreased'
    end as bucket,
    changed_at as moved_at, changed_date as moved_date,
    cast(sign as bigint) as count_delta,
    {% for amount in ['amount', 'booked_amount', 'constant_amount'] %}cast({{ amount }}_delta as decimal(18, 2)) as {{ amount }}_delta, {% endfor %}
    held_booked_rate as booked_exchange_rate, held_constant_rate as constant_exchange_rate,
    case
        when amount_delta is null then 'no_amount'
        when held_currency_code is null then 'no_currency'
        when held_booked_rate is null or held_constant_rate is null then 'no_exchange_rate'
    end as amount_missing_reason,
    held_currency_code as currency_code, held_pipeline_key as pipeline_key, held_stage_key as stage_key, held_owner_key as owner_key,
    case when is_move then known_close_date else known_close_date_before end as known_close_date,
    part in ('moved_in', 'moved_out') and pipeline_key is distinct from pipeline_key_before as is_pipeline_change,
    _load_number
from deltas
-- a value that was set anew and is worth the same moves nothing
where part <> 'changed' or coalesce(nullif(booked_amount_delta, 0), nullif(constant_amount_delta, 0), amount_delta) <> 0
