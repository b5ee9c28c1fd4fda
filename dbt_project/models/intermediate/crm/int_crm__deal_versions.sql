-- The union over the CRMs: a CRM more is a relation more.
{% set columns -%}
    source_system, account, source_deal_id, deal_key, deal_name, source_pipeline_id, source_stage_id, deal_amount, currency_code,
    recurring_amount, discount_amount, promised_value_amount, achieved_value_amount, expected_close_date, source_owner_id,
    source_company_id, source_contact_id, source_lead_id, lost_reason, source_channel, lead_direction, product_line, created_at,
    stated_closed_at, removed_at, merged_into_source_deal_id, crm_url, is_deleted, _source_updated_at, _extracted_at, _run_id,
    _record_number, _load_number
{%- endset %}
select {{ columns }} from {{ ref('int_hubspot__deals') }}
union all
select {{ columns }} from {{ ref('int_pipedrive__deals') }}
union all
select {{ columns }} from {{ ref('int_salesforce__deals') }}
union all
select {{ columns }} from {{ ref('int_files__deals') }}
union all
select {{ columns }} from {{ ref('int_tryton__deals') }}
