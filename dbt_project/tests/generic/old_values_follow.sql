{# Consistency test 1. Where the source states the value before a change, it is the value the change before left. #}
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

{% endtest %}
