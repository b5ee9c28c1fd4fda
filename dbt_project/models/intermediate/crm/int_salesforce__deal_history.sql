-- Both histories as one: a change that both tell is one change, with the old value that field history gives; a save that left a field as it was is
-- none. Nothing is ever taken back: Salesforce only adds.
with

changed_deals as (

    select distinct _account, opportunity_id from {{ ref('int_salesforce__field_changes') }} {{ only_new_loads() }}

),

entries as (

    select entry.*
    from {{ ref('int_salesforce__field_changes') }} as entry
    inner join changed_deals using (_account, opportunity_id)

),

-- A save repeats the values it leaves alone: only where the value differs from the save before it is it a change that field history tells too.
saved_changes as (

    select *
    from entries
    where not gives_old_values
    window saves as (partition by _account, opportunity_id, field order by changed_at, save_id)
    qualify row_number() over saves = 1 or value is distinct from lag(value) over saves

),

told as (

    select * from saved_changes
    union all
    select * from entries where gives_old_values

),

numbered as (

    select
        *,
        -- Twice the same value in the same second, with another between them: the first row of one history is the first of the other.
        row_number() over (
            partition by _account, opportunity_id, field, changed_at, value, gives_old_values order by save_id, change_id
        ) as occurrence
    from told

),

changes as (

    select
        _account, opportunity_id, field, changed_at, value,
        max(save_id) as save_id,
        max(change_id) as change_id,
        max(value_before) as value_before,
        -- The history that always begins with the creation, where it has the field.
        field not in ('stage', 'amount', 'expected_close') as gives_old_values,
        arg_min(_run_id, _load_number) as first_run_id,
        min(_extracted_at) as first_seen_at,
        max(_load_number) as newest_load
    from numbered
    group by _account, opportunity_id, field, changed_at, value, occurrence

),

in_order as (

    select
        *,
        max(newest_load) over (partition by _account, opportunity_id) as deal_load,
        lag(value) over field_changes as value_left,
        row_number() over field_changes as sequence
    from changes
    window field_changes as (partition by _account, opportunity_id, field order by changed_at, save_id nulls last, change_id)
    -- The creation row of a field without a value, and a change told a second late by the other history.
    qualify value is distinct from value_left

)

select
    {{ ordered_key("'salesforce'", '_account', 'opportunity_id') }} as deal_key,
    field,
    value,
    value_before,
    gives_old_values,
    gives_old_values as has_old_value,
    changed_at,
    sequence,
    sequence as _record_number,
    first_run_id,
    first_seen_at,
    cast(null as timestamp) as retracted_at,
    deal_load as _load_number
from in_order
-- as in int_crm__deals
order by deal_key
