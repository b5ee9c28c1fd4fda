-- The union over the CRMs: a CRM more is a relation more.
{% set columns -%}
    deal_key, field, value, value_before, gives_old_values, has_old_value, changed_at, sequence, _record_number, first_run_id, first_seen_at,
    retracted_at, _load_number
{%- endset %}
select {{ columns }} from {{ ref('int_hubspot__deal_history') }}
union all
select {{ columns }} from {{ ref('int_pipedrive__deal_history') }}
union all
select {{ columns }} from {{ ref('int_salesforce__deal_history') }}
union all
select {{ columns }} from {{ ref('int_files__deal_history') }}
union all
select {{ columns }} from {{ ref('int_tryton__deal_history') }}
