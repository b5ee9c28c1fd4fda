-- The union over the CRMs: a CRM more is a relation more.
{% set columns = 'source_system, account, deal_key, source_contact_id, contact_role, is_deleted, _load_number' %}
select {{ columns }} from {{ ref('int_hubspot__deal_contacts') }}
union all
select {{ columns }} from {{ ref('int_pipedrive__deal_contacts') }}
union all
select {{ columns }} from {{ ref('int_salesforce__deal_contacts') }}
union all
select {{ columns }} from {{ ref('int_files__deal_contacts') }}
