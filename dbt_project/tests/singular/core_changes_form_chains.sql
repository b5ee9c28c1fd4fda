-- Per deal and field, each change that stands begins at the value that the one before it left, the first at none; none leaves what it found.
-- Nothing that the source or a night's comparison stated is left out but a value set again to what it was.
with chains as (

    select
        *,
        lag(new_value) over in_order as left_before
    from {{ ref('fct_deal_changes') }}
    where retracted_at is null
    window in_order as (partition by deal_key, field order by changed_at, sequence, _record_number)

),

-- Stated as ever, and taken back all the same: it came out that the value had been in force before, when the change that had brought it became known.
came_out as (

    select distinct changes.deal_key, changes.field, changes.changed_at, changes.sequence, changes._record_number, changes.known_at
    from {{ ref('fct_deal_changes') }} as changes
    inner join {{ ref('int_crm__deal_changes') }} as stated
        on changes.deal_key = stated.deal_key and changes.field = stated.field and changes.changed_at = stated.changed_at
        and changes.sequence = stated.sequence and changes._record_number = stated._record_number and changes.known_at = stated.known_at
    left join chains as earlier
        on changes.deal_key = earlier.deal_key and changes.field = earlier.field and changes.retracted_at = earlier.known_at
        and changes.new_value = earlier.new_value and changes.changed_at >= earlier.changed_at
    where
        (earlier.deal_key is not null or changes.new_value is null)
        and changes.retracted_at > changes.known_at and changes.old_value is not distinct from changes.new_value
        and stated.retracted_at is null and stated.new_value is not distinct from changes.new_value

)

select
    deal_key, field, changed_at, old_value, left_before as value_before,
    'The chain of a field is broken: an event is missing, doubled or out of order in fct_deal_changes.' as likely_cause
from chains
where old_value is distinct from left_before or old_value is not distinct from new_value
union all
select
    coalesce(stated.deal_key, changes.deal_key), coalesce(stated.field, changes.field), coalesce(stated.changed_at, changes.changed_at), null, stated.new_value,
    'A change that was stated, or taken back, is not in fct_deal_changes, or one is there that nobody stated.'
from {{ ref('int_crm__deal_changes') }} as stated
full join {{ ref('fct_deal_changes') }} as changes
    on changes.deal_key = stated.deal_key and changes.field = stated.field and changes.changed_at = stated.changed_at
    and changes.sequence = stated.sequence and changes._record_number = stated._record_number and changes.known_at = stated.known_at
    and changes.new_value is not distinct from stated.new_value
    and changes.retracted_at is not distinct from stated.retracted_at
    and changes.change_source = stated.change_source
left join came_out
    on changes.deal_key = came_out.deal_key and changes.field = came_out.field and changes.changed_at = came_out.changed_at
    and changes.sequence = came_out.sequence and changes._record_number = came_out._record_number and changes.known_at = came_out.known_at
where
    (stated.deal_key is null and came_out.deal_key is null)
    or (changes.deal_key is null and stated.retracted_at is not null)
