{# Consistency test 1 for leads. Where the source states the status before a change, it is the status after the change before: fails when a
   change in the middle was lost, doubled or misplaced. #}
{% test old_statuses_follow(model, history) %}

select
    change.lead_key as guilty_key,
    change.changed_at,
    change.old_status as status_before_in_the_ledger,
    stated.status_before as status_before_as_stated,
    'The source says the lead came from another status than the change before left: a change in between was lost, doubled or misplaced. '
    || 'Read the lead''s history again.' as likely_cause
from {{ model }} as change
inner join {{ history }} as stated
    on change.lead_key = stated.lead_key and change.changed_at = stated.changed_at and change.sequence = stated.sequence
    and change._record_number = stated._record_number and change.new_status = stated.status
where
    change.retracted_at is null and stated.retracted_at is null and stated.status_before is not null
    and stated.status_before is distinct from change.old_status

{% endtest %}
