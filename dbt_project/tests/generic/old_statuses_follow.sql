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
union all
select
    stated.lead_key, stated.changed_at, null, stated.status_before,
    'The source states a change that is none in the ledger: a change before it is missing or out of order, or the status was dated back.'
from {{ history }} as stated
left join {{ model }} as change
    on stated.lead_key = change.lead_key and stated.sequence = change.sequence and stated._record_number = change._record_number
    and stated.status = change.new_status and stated.changed_at <= change.changed_at and change.retracted_at is null
where
    stated.retracted_at is null and stated.status_before is not null and stated.status_before <> stated.status and change.lead_key is null

{% endtest %}
