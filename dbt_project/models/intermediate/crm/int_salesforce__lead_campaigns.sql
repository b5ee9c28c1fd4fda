-- A lead may be a member of many campaigns: the first one brought it. A membership that was taken back brought nobody.
with

changed_leads as (

    select distinct _account, lead_id from {{ ref('stg_salesforce__campaign_members') }} {{ only_new_loads() }}

),

members as (

    select member.*, max(member._load_number) over (partition by member._account, member.lead_id) as newest_load
    from {{ ref('stg_salesforce__campaign_members') }} as member
    inner join changed_leads using (_account, lead_id)
    qualify row_number() over (
        partition by member._account, member.campaign_member_id order by member._load_number desc, member._record_number desc
    ) = 1

)

select
    {{ stable_key("'salesforce'", '_account', 'lead_id') }} as lead_key,
    arg_min(campaign_id, (created_date, campaign_member_id)) filter (where not _is_deleted) as source_campaign_id,
    max(newest_load) as _load_number
from members
{{ happened_by_then('created_date') }}
group by _account, lead_id
