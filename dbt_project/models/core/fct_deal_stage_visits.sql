{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='deal_key', on_schema_change='fail') }}
{%- set columns = [
    'transition_key', 'deal_key', 'transition_number', 'to_stage_key', 'to_pipeline_key', 'to_stage_kind', 'to_open_rank', 'transitioned_at', 'exited_at',
    'transition_kind', 'exit_kind', 'deal_amount', 'exit_amount', 'currency_code', 'exit_currency_code', 'owner_key', 'is_transient', '_load_number',
] %}

with

changed_deals as (

    select distinct deal_key from {{ ref('fct_deal_stage_transitions') }} {{ only_new_loads() }}

),

-- The transitions lie in the order of their deals; a part of them is put in order anew.
transitions as (

    select *
    from {{ ref('fct_deal_stage_transitions') }}
    {% if is_incremental() %}where deal_key in (select deal_key from changed_deals) order by deal_key, transition_number{% endif %}

),

neighbours as (

    select
        *,
        {{ row_after('transitioned_at', 'transition_number') }} as exited_at,
        {{ row_after('transition_kind', 'transition_number') }} as exit_kind,
        {{ row_after('deal_amount', 'transition_number') }} as exit_amount,
        {{ row_after('currency_code', 'transition_number') }} as exit_currency_code
    from (select *, {{ first_of_deal('transition_number') }} as is_first from transitions) as marked

),

-- The end of a deal is a transition and no visit.
stays as (

    select
        {{ columns | join(', ') }},
        {{ first_of_deal('transition_number') }} as is_first,
        {{ stream_number('transition_number') }} as stream_number
    from neighbours
    where to_stage_key is not null

),

numbered as (

    select *, {{ number_in_deal() }} as visit_number from stays

)

select
    transition_key as visit_key,
    deal_key,
    visit_number,
    row_number() over (partition by deal_key, to_stage_key order by transition_number) as stage_visit_number,
    to_pipeline_key as pipeline_key,
    to_stage_key as stage_key,
    to_stage_kind as stage_kind,
    to_open_rank as open_rank,
    transitioned_at as entered_at,
    exited_at,
    exited_at is null as is_current,
    transition_kind as entry_kind,
    exit_kind,
    cast({{ hours_between('transitioned_at', 'exited_at') }} as double) as hours_in_stage,
    deal_amount as entry_amount,
    exit_amount,
    currency_code,
    exit_currency_code,
    owner_key,
    is_transient,
    _load_number
from numbered
order by deal_key, visit_number
