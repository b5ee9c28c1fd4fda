{# Consistency test 1. Where the source states the value before a change, the change is in the ledger and that value is the one the change
   before it left. #}
{% test old_values_follow(model, history) %}

select
    change.deal_key as guilty_key,
    change.field,
    change.changed_at,
    change.old_value as ledger_value,
    history.value_before as stated_value,
    'An event in the middle of the history is missing, doubled or out of order: the source says the value was another before.' as likely_cause
from {{ model }} as change
inner join {{ history }} as history
    on change.deal_key = history.deal_key and change.field = history.field and change.changed_at = history.changed_at
    and change.sequence = history.sequence and change._record_number = history._record_number
where change.retracted_at is null and history.value_before is not null and history.value_before is distinct from change.old_value
union all
select
    history.deal_key, history.field, history.changed_at, null, history.value_before,
    'The source states a change that is none in the ledger: an event before it is missing or out of order, or the value was dated back.'
from {{ history }} as history
left join {{ model }} as change
    on history.deal_key = change.deal_key and history.field = change.field and history.sequence = change.sequence
    and history._record_number = change._record_number and history.value is not distinct from change.new_value
    -- What the source dates before the deal's creation counts at the creation.
    and history.changed_at <= change.changed_at and change.retracted_at is null
where
    history.retracted_at is null and history.value_before is not null and history.value_before is distinct from history.value
    and change.deal_key is null

{% endtest %}
