-- The campaign of a lead where the CRM says so in a record of its own, not in the lead's. The union over the CRMs: a CRM more is a relation more.
select lead_key, source_campaign_id, _load_number from {{ ref('int_salesforce__lead_campaigns') }}
