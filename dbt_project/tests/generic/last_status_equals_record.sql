{# Consistency test 2 for leads. The last status of a lead's ledger against its record as the source states it now: two paths that the source
   feeds apart. Fails when the history lacks its end, or when we lost or misplaced a change. #}
{% test last_status_equals_record(model, records) %}

with

last_statuses as (

    select lead_key, max_by(new_status, (changed_at, sequence, _record_number)) as ledger_status
    from {{ model }}
    where retracted_at is null
    group by lead_key

)

select
    record.lead_key as guilty_key,
    record.source_system,
    record.source_lead_id,
    last_statuses.ledger_status,
    record.lead_status,
    'The lead''s history ends elsewhere than its record: the last change was lost, came late, or its instant was shifted. Read the lead again.'
        as likely_cause
from {{ records }} as record
left join last_statuses on record.lead_key = last_statuses.lead_key
where
    not record.is_deleted
    and (last_statuses.lead_key is null or (record.lead_status is not null and record.lead_status <> last_statuses.ledger_status))

{% endtest %}
