-- A lead's status and dates are those of its changes, its words those of its record; a company, owner or campaign that is not held is the unknown one.
with ledger as (

    select
        lead_key,
        min(changed_at) filter (where new_status = 'mql') as first_mql_at,
        min(changed_at) filter (where new_status = 'sql') as first_sql_at
    from {{ ref('fct_lead_status_changes') }}
    where retracted_at is null
    group by lead_key

),

last_changes as (

    select lead_key, new_status
    from {{ ref('fct_lead_status_changes') }}
    where retracted_at is null
    qualify row_number() over (partition by lead_key order by changed_at desc, sequence desc, _record_number desc) = 1

),

told as (

    select
        record.lead_key, record.source_lead_id, lead.lead_key as told_key,
        case
            when lead.lead_key is null or record.lead_key is null then 'the lead stands in one of the two only'
            when lead.lead_status <> coalesce(record.lead_status, last_change.new_status, 'new') then 'lead_status'
            when lead.first_mql_at is distinct from ledger.first_mql_at then 'first_mql_at'
            when lead.first_sql_at is distinct from ledger.first_sql_at then 'first_sql_at'
            when lead.created_at is distinct from record.created_at or lead.history_complete_from is distinct from record.history_complete_from
                then 'created_at'
            when lead.owner_key <> coalesce(owner.owner_key, {{ unknown_key() }}) then 'owner_key'
            when lead.campaign_key <> coalesce(campaign.campaign_key, {{ unknown_key() }}) then 'campaign_key'
            when lead.source_campaign_id is distinct from record.source_campaign_id then 'source_campaign_id'
            when lead.contact_key is distinct from {{ stable_key('record.source_system', 'record.account', 'record.source_contact_id') }} then 'contact_key'
            when lead.converted_deal_key is distinct from {{ ordered_key('record.source_system', 'record.account', 'record.source_converted_deal_id') }}
                then 'converted_deal_key'
            when lead.channel is distinct from coalesce(own_words.channel, record.source_channel) then 'channel'
            when lead.disqualified_reason is distinct from record.disqualified_reason then 'disqualified_reason'
            when lead.is_deleted <> record.is_deleted or lead.crm_url is distinct from record.crm_url then 'is_deleted or crm_url'
        end as wrong_column
    from {{ ref('int_crm__leads') }} as record
    full join {{ ref('dim_leads') }} as lead on lead.lead_key = record.lead_key
    left join ledger on ledger.lead_key = record.lead_key
    left join last_changes as last_change on last_change.lead_key = record.lead_key
    left join {{ ref('int_crm__owners') }} as owner
        on owner.source_system = record.source_system and owner.account = record.account and owner.source_owner_id = record.source_owner_id
    left join {{ ref('int_crm__campaigns') }} as campaign
        on campaign.source_system = record.source_system and campaign.account = record.account
        and campaign.source_campaign_id = record.source_campaign_id
    left join {{ ref('channels') }} as own_words
        on own_words.source_system = record.source_system and own_words.source_channel = record.source_channel

)

select
    coalesce(lead_key, told_key) as lead_key, source_lead_id, wrong_column,
    'dim_leads tells the lead otherwise than its record or its changes do: look at what the column is made of.' as likely_cause
from told
where wrong_column is not null
