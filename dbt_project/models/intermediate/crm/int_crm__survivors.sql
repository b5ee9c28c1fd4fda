-- Who stands for a contact or a company that was merged away, a survivor of a second merge the next one. A CRM says it in the survivor's record
-- (HubSpot) or in the loser's own (Salesforce); `_load_number` is the load that first said so.
with

merges as (

    select
        'contact' as entity, 'hubspot' as source_system, _account as account,
        unnest(string_split(hs_merged_object_ids, ';')) as source_id, contact_id as merged_into_source_id, _load_number
    from {{ ref('stg_hubspot__contacts') }}
    where hs_merged_object_ids is not null
    union all
    select 'company', 'hubspot', _account, unnest(string_split(hs_merged_object_ids, ';')), company_id, _load_number
    from {{ ref('stg_hubspot__companies') }}
    where hs_merged_object_ids is not null
    union all
    select 'contact', 'salesforce', _account, contact_id, master_record_id, _load_number
    from {{ ref('stg_salesforce__contacts') }}
    where master_record_id is not null
    union all
    select 'company', 'salesforce', _account, account_id, master_record_id, _load_number
    from {{ ref('stg_salesforce__accounts') }}
    where master_record_id is not null

),

first_said as (

    select entity, source_system, account, trim(source_id) as source_id, merged_into_source_id, _load_number
    from merges
    where trim(source_id) <> merged_into_source_id
    qualify row_number() over (
        partition by entity, source_system, account, trim(source_id) order by _load_number, merged_into_source_id
    ) = 1

)

select
    merge.entity,
    merge.source_system,
    merge.account,
    merge.source_id,
    coalesce(next_merge.merged_into_source_id, merge.merged_into_source_id) as survivor_source_id,
    greatest(merge._load_number, coalesce(next_merge._load_number, 0)) as _load_number
from first_said as merge
left join first_said as next_merge
    on merge.entity = next_merge.entity and merge.source_system = next_merge.source_system and merge.account = next_merge.account
    and merge.merged_into_source_id = next_merge.source_id
