{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='deal_key', on_schema_change='fail') }}
{%- set fields = ['deal_status', 'pipeline_key', 'stage_key', 'deal_amount', 'currency_code', 'expected_close_date', 'owner_key'] %}
with

changed_deals as (

    select distinct deal_key from {{ ref('fct_deal_steps') }} {{ only_new_loads() }}

),

-- The steps lie in the order of their deals; a part of them is put in order anew.
steps as (

    select deal_key, step_number, changed_at, changed_date, {{ fields | join(', ') }}, _load_number
    from {{ ref('fct_deal_steps') }}
    {% if is_incremental() %}where {{ of_changed_deals(ref('fct_deal_steps')) }} order by deal_key, step_number{% endif %}

),

marked as (

    select *, {{ first_of_deal('step_number') }} as is_first from steps

),

-- The state after the last step of each instant.
looking_on as (

    select *, {{ row_after('changed_at', 'step_number') }} as next_at from marked

),

instants as (

    select *, {{ first_of_deal('step_number') }} as is_first
    from (
        select deal_key, step_number, changed_at, changed_date, {{ fields | join(', ') }}, _load_number
        from looking_on
        where next_at is distinct from changed_at
    ) as settled

),

-- A value set and set back within one instant is no version.
compared as (

    select
        *,
        is_first
        {%- for field in fields %}
        or {{ field }} is distinct from {{ row_before(field, 'step_number') }}
        {%- endfor %} as is_version
    from instants

),

versions as (

    select
        deal_key, step_number, changed_at, changed_date, {{ fields | join(', ') }}, _load_number,
        {{ first_of_deal('step_number') }} as is_first
    from compared
    where is_version

),

ended as (

    select
        *,
        {{ row_after('changed_at', 'step_number') }} as valid_to,
        {{ row_after('changed_date', 'step_number') }} as valid_to_date
    from versions

)

select
    deal_key,
    changed_at as valid_from,
    valid_to,
    changed_date as valid_from_date,
    valid_to_date,
    valid_to is null as is_current,
    deal_status,
    coalesce(pipeline_key, {{ unknown_key() }}) as pipeline_key,
    coalesce(stage_key, {{ unknown_key() }}) as stage_key,
    deal_amount,
    currency_code,
    expected_close_date,
    owner_key,
    _load_number
from ended
