{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='deal_key', on_schema_change='fail') }}
{%- set order = 'changed_at, step_order, sequence, _record_number, field' %}
{%- set owner_key = "coalesce(" ~ stable_key('source_system', 'account', 'new_value') ~ ", " ~ unknown_key() ~ ")" %}
{%- set known = {
    'stage_id': "coalesce(case when field = 'stage' then new_value end, case when is_first then '' end)",
    'pipeline_id': "coalesce(case when field = 'pipeline' then new_value else paired_pipeline_id end, case when is_first then '' end)",
    'status': "coalesce(case when field = 'status' then new_value end, case when is_first then '' end)",
    'amount': "case when field = 'amount' then coalesce(new_value, '') when is_first then '' end",
    'currency_code': "case when field = 'currency' then coalesce(new_value, '') when is_first then '' end",
    'expected_close': "case when field = 'expected_close' then coalesce(new_value, '') when is_first then '' end",
    'owner_key': "case when field = 'owner' then " ~ owner_key ~ " when is_first then " ~ unknown_key() ~ " end",
} %}
with

events as (

    select *
    from {{ ref('fct_deal_events') }}
    order by deal_key, {{ order }}

),

known_0 as (

    select *, {{ first_of_deal(order) }} as is_first from events

),

-- What each field held after each event. An emptied value is '', apart from no value yet: the newest value so far steps over nulls.
{% for column, value in known.items() -%}
known_{{ loop.index }} as (

    select *, {{ newest_so_far(value, order) }} as {{ column }} from known_{{ loop.index0 }}

),

{% endfor -%}
-- A deleted or merged deal is in no stage.
places as (

    select
        *,
        {{ row_after('changed_at', order) }} as next_at,
        {{ row_after('step_order', order) }} as next_order,
        case when step_order = 0 then null when status <> 'live' then 'left' when stage_id <> '' then pipeline_id || '|' || stage_id end as place
    from known_{{ known | length }}

),

arrivals as (

    select *, {{ newest_so_far("coalesce(place, case when is_first then '' end)", order) }} as place_now from places

),

-- Consecutive equal places are one.
moves as (

    select
        *,
        coalesce(place <> coalesce({{ row_before('place_now', order) }}, ''), false) as is_move,
        {{ newest_so_far("coalesce(nullif(place, 'left'), case when is_first then '' end)", order) }} as stage_place
    from arrivals

),

-- The values set in one instant are one step, before the moves of that instant; what is set in the instant of the creation comes with it.
steps as (

    select
        deal_key, changed_at, step_order, sequence, _record_number, field, source_system, account, status, pipeline_id, stage_place, entered_at,
        amount, currency_code, expected_close, owner_key, is_move, change_source, _load_number,
        {{ first_of_deal(order) }} as is_first,
        {{ stream_number(order) }} as stream_number,
        next_at is distinct from changed_at as is_last_of_instant
    from (
        select
            *,
            {{ newest_so_far("case when is_first or (is_move and status = 'live') then changed_at end", order) }} as entered_at
        from moves
    ) as entered
    where is_move or (step_order = 0 and place_now <> '' and not coalesce(next_at = changed_at and next_order = 0, false))

),

numbered as (

    select *, {{ number_in_deal() }} as step_number from steps

),

staged as (

    select
        step.deal_key, step.step_number, step.changed_at, step.is_move, step.is_first, step.is_last_of_instant,
        case when step.status <> 'live' then step.status else coalesce(stage.stage_kind, 'open') end as deal_status,
        coalesce(stage.pipeline_key, {{ stable_key('step.source_system', 'step.account', "nullif(step.pipeline_id, '')") }}) as pipeline_key,
        coalesce(stage.stage_key, {{ stable_key('step.source_system', 'step.account', "nullif(step.stage_place, '')") }}) as stage_key,
        coalesce(stage.stage_kind, 'open') as stage_kind,
        stage.open_rank,
        step.amount, step.currency_code, step.expected_close, step.owner_key, step.change_source,
        greatest(step._load_number, coalesce(stage._first_load_number, 0)) as _load_number
    from numbered as step
    left join {{ ref('int_crm__stages') }} as stage
        on step.source_system = stage.source_system and step.account = stage.account
        and step.stage_place = stage.source_pipeline_id || '|' || stage.source_stage_id
        and step.entered_at >= stage.valid_from and step.entered_at < stage.valid_to
    order by step.deal_key, step.step_number

)

-- What is expected for the closing counts from the last step of its instant on, or from the creation, if the deal is open then.
select
    deal_key,
    step_number,
    changed_at,
    {{ reporting_date('changed_at') }} as changed_date,
    is_move,
    deal_status,
    pipeline_key,
    stage_key,
    stage_kind,
    open_rank,
    cast(nullif(amount, '') as decimal(18, 2)) as deal_amount,
    nullif(currency_code, '') as currency_code,
    cast(nullif(expected_close, '') as date) as expected_close_date,
    cast(nullif({{ newest_so_far(
        "case when deal_status = 'open' and (is_first or is_last_of_instant) then expected_close when is_first then '' end", 'step_number'
    ) }}, '') as date) as known_close_date,
    owner_key,
    change_source,
    _load_number
from staged
