{# Consistency test 2. The last change of each tracked field against the deal's record as the CRM states it now: two paths that the CRM
   feeds apart. Fails when the history the CRM gave lacks its end, or when we lost or misplaced a change. #}
{% test last_change_equals_record(model, records) %}

with

last_changes as (

    select deal_key, field, nullif(max_by(coalesce(new_value, ''), (changed_at, sequence, _record_number)), '') as ledger_value
    from {{ model }}
    where retracted_at is null and field <> 'status'
    group by deal_key, field

),

stated as (

    select
        deal_key, source_system, source_deal_id,
        unnest({{ tracked_fields() }}) as field,
        unnest({{ tracked_values('record') }}) as crm_value
    from {{ records }} as record
    where not is_deleted and merged_into_deal_key is null

)

select
    stated.deal_key as guilty_key,
    stated.source_system,
    stated.source_deal_id,
    stated.field,
    last_changes.ledger_value,
    stated.crm_value,
    'The CRM''s history ends elsewhere than its record: the last event was lost, came late, or its instant was shifted. Read the deal again.'
        as likely_cause
from stated
left join last_changes on stated.deal_key = last_changes.deal_key and stated.field = last_changes.field
where stated.crm_value is distinct from last_changes.ledger_value

{% endtest %}
