-- Leads have no status in Pipedrive. One in the archive was put aside, all others are new until a deal names them as its origin: then they were
-- converted when the deal was created. Pipedrive deletes them at that, so the deal is what tells.
with

conversions as (

    select
        _account,
        source_lead_id as lead_id,
        min_by(deal_id, (_load_number, _record_number)) as deal_id,
        min_by(add_time, (_load_number, _record_number)) as converted_at,
        min_by(_extracted_at, (_load_number, _record_number)) as _extracted_at,
        min_by(_run_id, (_load_number, _record_number)) as _run_id,
        min(_load_number) as _load_number
    from {{ ref('stg_pipedrive__deals') }}
    where source_lead_id is not null
    group by _account, source_lead_id

),

versions as (

    select
        lead._account, lead.lead_id, lead.title, lead.person_id, lead.organization_id, lead.owner_id, lead.channel, lead.is_archived, lead.add_time,
        conversion.deal_id, lead._is_deleted, lead._source_updated_at, lead._extracted_at, lead._run_id, lead._record_number, lead._load_number
    from {{ ref('stg_pipedrive__leads') }} as lead
    left join conversions as conversion
        on lead._account = conversion._account and lead.lead_id = conversion.lead_id and lead._load_number > conversion._load_number
    union all
    select
        lead._account, lead.lead_id, lead.title, lead.person_id, lead.organization_id, lead.owner_id, lead.channel, lead.is_archived, lead.add_time,
        conversion.deal_id, false, conversion.converted_at, conversion._extracted_at, conversion._run_id, 0, conversion._load_number
    from {{ ref('stg_pipedrive__leads') }} as lead
    inner join conversions as conversion
        on lead._account = conversion._account and lead.lead_id = conversion.lead_id and lead._load_number < conversion._load_number
    qualify row_number() over (partition by lead._account, lead.lead_id order by lead._load_number desc, lead._record_number desc) = 1

)

select
    'pipedrive' as source_system,
    version._account as account,
    version.lead_id as source_lead_id,
    {{ stable_key("'pipedrive'", 'version._account', 'version.lead_id') }} as lead_key,
    version.title as lead_name,
    version.person_id as source_contact_id,
    version.organization_id as source_company_id,
    version.owner_id as source_owner_id,
    case when version.deal_id is not null then 'converted' when version.is_archived then 'disqualified' else 'new' end as lead_status,
    coalesce(channel.label, version.channel) as source_channel,
    cast(null as varchar) as lead_direction,
    cast(null as varchar) as source_campaign_id,
    cast(null as varchar) as disqualified_reason,
    version.deal_id as source_converted_deal_id,
    version.add_time as created_at,
    'https://' || version._account || '.pipedrive.com/leads/inbox/' || version.lead_id as crm_url,
    version._is_deleted and version.deal_id is null as is_deleted,
    version._source_updated_at,
    version._extracted_at,
    version._run_id,
    version._record_number,
    version._load_number
from versions as version
left join {{ ref('int_pipedrive__channels') }} as channel on version._account = channel._account and version.channel = channel.option_id
