-- The union over the CRMs that keep a history of their leads' status: a CRM more is a relation more.
{% set columns -%}
    lead_key, status, status_before, gives_old_values, reason, changed_at, sequence, _record_number, first_run_id, first_seen_at,
    retracted_at, _load_number
{%- endset %}
select {{ columns }} from {{ ref('int_hubspot__lead_history') }}
union all
select {{ columns }} from {{ ref('int_salesforce__lead_history') }}
union all
select {{ columns }} from {{ ref('int_files__lead_history') }}
