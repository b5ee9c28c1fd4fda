-- The union over the CRMs: a CRM more is a relation more. Tryton has no leads of their own: its state `lead` is a stage.
{% set columns -%}
    source_system, account, source_lead_id, lead_key, lead_name, source_contact_id, source_company_id, source_owner_id, lead_status,
    source_channel, lead_direction, source_campaign_id, disqualified_reason, source_converted_deal_id, created_at, crm_url, is_deleted,
    _source_updated_at, _extracted_at, _run_id, _record_number, _load_number
{%- endset %}
select {{ columns }} from {{ ref('int_hubspot__leads') }}
union all
select {{ columns }} from {{ ref('int_pipedrive__leads') }}
union all
select {{ columns }} from {{ ref('int_salesforce__leads') }}
union all
select {{ columns }} from {{ ref('int_files__leads') }}
