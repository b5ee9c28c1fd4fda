select
    'salesforce' as source_system,
    lead._account as account,
    lead.lead_id as source_lead_id,
    {{ stable_key("'salesforce'", 'lead._account', 'lead.lead_id') }} as lead_key,
    nullif(trim(coalesce(lead.first_name, '') || ' ' || coalesce(lead.last_name, '')), '') as lead_name,
    lead.converted_contact_id as source_contact_id,
    lead.converted_account_id as source_company_id,
    lead.owner_id as source_owner_id,
    case when lead.is_converted then 'converted' else coalesce(stage.lead_status, 'new') end as lead_status,
    lead.lead_source as source_channel,
    lead.lead_direction,
    campaign.source_campaign_id,
    lead.disqualified_reason,
    lead.converted_opportunity_id as source_converted_deal_id,
    lead.created_date as created_at,
    'https://login.salesforce.com/' || lead.lead_id as crm_url,
    lead._is_deleted as is_deleted,
    lead._source_updated_at,
    lead._extracted_at,
    lead._run_id,
    lead._record_number,
    lead._load_number
from {{ ref('stg_salesforce__leads') }} as lead
left join {{ ref('int_salesforce__lead_campaigns') }} as campaign
    on {{ stable_key("'salesforce'", 'lead._account', 'lead.lead_id') }} = campaign.lead_key
left join {{ ref('lead_stages') }} as stage on stage.source_system = 'salesforce' and lead.status = stage.stage_id
