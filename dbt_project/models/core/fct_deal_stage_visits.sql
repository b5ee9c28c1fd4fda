{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='deal_key', on_schema_change='fail') }}

with

changed_deals as (

    select distinct deal_key from {{ ref('fct_deal_stage_transitions') }} {{ only_new_loads() }}

),

stays as (

    select
        transition.*,
        lead(transition.transitioned_at) over in_order as exited_at,
        lead(transition.transition_kind) over in_order as exit_kind,
        lead(transition.deal_amount) over in_order as exit_amount,
        lead(transition.currency_code) over in_order as exit_currency_code,
        count(transition.to_stage_key) over in_order as visit_number
    from {{ ref('fct_deal_stage_transitions') }} as transition
    inner join changed_deals on transition.deal_key = changed_deals.deal_key
    window in_order as (partition by transition.deal_key order by transition.transition_number)

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
from stays
where to_stage_key is not null
order by deal_key, visit_number
