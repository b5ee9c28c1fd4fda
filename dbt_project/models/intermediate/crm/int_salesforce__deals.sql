-- In an org with one currency the opportunities name none: it is the org's.
with

organizations as (

    select _account, default_currency_iso_code
    from {{ ref('stg_salesforce__organizations') }}
    qualify row_number() over (partition by _account order by _load_number desc, _record_number desc) = 1

)

select
    'salesforce' as source_system,
    opportunity._account as account,
    opportunity.opportunity_id as source_deal_id,
    opportunity.deal_key,
    opportunity.name as deal_name,
    coalesce(opportunity.record_type_id, {{ master_record_type() }}) as source_pipeline_id,
    opportunity.stage_name as source_stage_id,
    opportunity.amount as deal_amount,
    coalesce(opportunity.currency_iso_code, organization.default_currency_iso_code) as currency_code,
    opportunity.recurring_amount,
    opportunity.discount_amount,
    opportunity.promised_value as promised_value_amount,
    opportunity.achieved_value as achieved_value_amount,
    opportunity.close_date as expected_close_date,
    opportunity.owner_id as source_owner_id,
    opportunity.account_id as source_company_id,
    opportunity.contact_id as source_contact_id,
    cast(null as varchar) as source_lead_id,
    opportunity.loss_reason as lost_reason,
    opportunity.lead_source as source_channel,
    opportunity.lead_direction,
    opportunity.product_line,
    opportunity.created_date as created_at,
    case when opportunity.is_closed then cast(opportunity.close_date as timestamp) end as stated_closed_at,
    case when opportunity.is_in_recycle_bin then opportunity.system_modstamp end as removed_at,
    cast(null as varchar) as merged_into_source_deal_id,
    'https://login.salesforce.com/' || opportunity.opportunity_id as crm_url,
    opportunity._is_deleted as is_deleted,
    opportunity._source_updated_at,
    opportunity._extracted_at,
    opportunity._run_id,
    opportunity._record_number,
    opportunity._load_number
from {{ ref('stg_salesforce__opportunities') }} as opportunity
left join organizations as organization on opportunity._account = organization._account
