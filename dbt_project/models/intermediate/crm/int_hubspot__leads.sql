select
    'hubspot' as source_system,
    lead._account as account,
    lead.lead_id as source_lead_id,
    lead.hs_lead_name as lead_name,
    lead.contact_id as source_contact_id,
    lead.company_id as source_company_id,
    lead.hubspot_owner_id as source_owner_id,
    coalesce(stage.lead_status, 'new') as lead_status,
    lead.lead_channel as source_channel,
    lead.lead_direction,
    cast(null as varchar) as source_campaign_id,
    lead.hs_lead_disqualification_reason as disqualified_reason,
    lead.deal_id as source_converted_deal_id,
    lead.hs_createdate as created_at,
    'https://app.hubspot.com/contacts/' || lead._account || '/record/0-136/' || lead.lead_id as crm_url,
    lead._is_deleted as is_deleted,
    lead._record_number,
    lead._load_number
from {{ ref('stg_hubspot__leads') }} as lead
left join {{ ref('lead_stages') }} as stage on stage.source_system = 'hubspot' and lead.hs_pipeline_stage = stage.stage_id
