{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='deal_key', on_schema_change='fail') }}

with

changed_deals as (

    select distinct deal_key from {{ ref('int_crm__deal_changes') }} {{ only_new_loads() }}

),

-- An emptied value is kept apart from no value yet: last_value(... ignore nulls) would step over it.
values_before as (

    select
        change.*,
        nullif(last_value(case when change.retracted_at is null then coalesce(change.new_value, '') end ignore nulls) over (
            partition by change.deal_key, change.field
            order by change.changed_at, change.sequence, change._record_number, change.retracted_at is null, change.known_at
            rows between unbounded preceding and 1 preceding
        ), '') as old_value
    from {{ ref('int_crm__deal_changes') }} as change
    inner join changed_deals on change.deal_key = changed_deals.deal_key
    {{ happened_by_then('change.changed_at') }}

)

-- A value set again to what it was is no change. What was taken back stays, whatever stands in its place.
select
    deal_key,
    field,
    old_value,
    new_value,
    changed_at,
    sequence,
    change_source,
    known_at,
    retracted_at,
    _record_number,
    _load_number
from values_before
where new_value is distinct from old_value or retracted_at is not null
order by deal_key, changed_at, field, sequence
