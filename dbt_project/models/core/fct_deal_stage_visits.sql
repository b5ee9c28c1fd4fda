{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='deal_key', on_schema_change='fail') }}
{%- set columns = [
    'transition_key', 'deal_key', 'transition_number', 'to_stage_key', 'to_pipeline_key', 'to_stage_kind', 'to_open_rank', 'transitioned_at', 'exited_at',
    'transition_kind', 'exit_kind', 'deal_amount', 'exit_amount', 'currency_code', 'exit_currency_code', 'owner_key', 'is_transient', '_load_number',
] %}
{#- What is read several times is kept, and to keep all transitions costs more than to read them again. #}
{%- set read_again = 'transitions' if is_incremental() else ref('fct_deal_stage_transitions') %}

with

changed_deals as (

    select distinct deal_key from {{ ref('fct_deal_stage_transitions') }} {{ only_new_loads() }}

),

-- The transitions lie in the order of their deals; a part of them is put in order anew.
transitions as (

    select *
    from {{ ref('fct_deal_stage_transitions') }}
    {% if is_incremental() %}where {{ of_changed_deals(ref('fct_deal_stage_transitions')) }} order by deal_key, transition_number{% endif %}

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

),

-- Few visits are a second one of their stage: only those are numbered, the others need no sorting.
repeated as (

    select deal_key, to_stage_key
    from {{ read_again }}
    where to_stage_key is not null
    group by deal_key, to_stage_key
    having count(*) > 1

),

again as (

    select
        visit.deal_key, visit.transition_number,
        row_number() over (partition by visit.deal_key, visit.to_stage_key order by visit.transition_number) as stage_visit_number
    from {{ read_again }} as visit
    inner join repeated on visit.deal_key = repeated.deal_key and visit.to_stage_key = repeated.to_stage_key

)

select
    visit.transition_key as visit_key,
    visit.deal_key,
    visit.visit_number,
    coalesce(again.stage_visit_number, 1) as stage_visit_number,
    visit.to_pipeline_key as pipeline_key,
    visit.to_stage_key as stage_key,
    visit.to_stage_kind as stage_kind,
    visit.to_open_rank as open_rank,
    visit.transitioned_at as entered_at,
    visit.exited_at,
    visit.exited_at is null as is_current,
    visit.transition_kind as entry_kind,
    visit.exit_kind,
    cast({{ hours_between('visit.transitioned_at', 'visit.exited_at') }} as double) as hours_in_stage,
    visit.deal_amount as entry_amount,
    visit.exit_amount,
    visit.currency_code,
    visit.exit_currency_code,
    visit.owner_key,
    visit.is_transient,
    visit._load_number
from numbered as visit
-- Nothing looks along the visits as they lie: they need no order.
left join again on visit.deal_key = again.deal_key and visit.transition_number = again.transition_number
