{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='deal_key', on_schema_change='fail') }}
{%- set order = 'changed_at, sequence, _record_number, retracted_at is null, known_at' %}

with

changed_deals as (

    select distinct deal_key from {{ ref('int_crm__deal_changes') }} {{ only_new_loads() }}

),

-- They lie in the order of their deals and fields; a part of them is put in order anew.
changes as (

    select deal_key, field, new_value, changed_at, sequence, change_source, known_at, retracted_at, _record_number, _load_number
    from {{ ref('int_crm__deal_changes') }}
    {{ happened_by_then('changed_at') }}
    {% if is_incremental() %}{{ 'and' if then() else 'where' }} {{ of_changed_deals(ref('int_crm__deal_changes')) }}
    order by deal_key, field, {{ order }}{% endif %}

),

marked as (

    select *, {{ first_of_deal(order, 'field') }} as is_first from changes

),

-- An emptied value is '', apart from no value yet: the newest value so far steps over nulls. What was taken back counts for nothing.
standing as (

    select
        *,
        {{ newest_so_far("case when retracted_at is null then coalesce(new_value, '') when is_first then '' end", order, 'field') }} as standing_value
    from marked

),

values_before as (

    select *, nullif({{ row_before('standing_value', order, 'field') }}, '') as old_value from standing

),

-- Since when it is known that the value was in force.
values_known as (

    select
        *,
        {{ newest_so_far(
            "case when is_first or (retracted_at is null and new_value is distinct from old_value) then known_at end", order, 'field'
        ) }} as value_known_at
    from values_before

)

-- A value set again to what it was is no change. What was taken back stays, whatever stands in its place; and so does a change of which it came out
-- later that the value had been in force before: that is when it was taken back.
select
    deal_key,
    field,
    old_value,
    new_value,
    changed_at,
    sequence,
    change_source,
    known_at,
    case when new_value is distinct from old_value then retracted_at else coalesce(retracted_at, value_known_at) end as retracted_at,
    _record_number,
    _load_number
from values_known
where new_value is distinct from old_value or retracted_at is not null or value_known_at > known_at
-- the order in which the steps apply them: what is in order already is sorted for little
order by deal_key, changed_at, {{ step_order() }}, sequence, _record_number, field
