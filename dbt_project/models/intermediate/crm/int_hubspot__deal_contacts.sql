-- HubSpot gives all contacts with every version of a deal: whom the newest version lacks is linked no longer.
with

changed_deals as (

    select distinct _account, deal_id from {{ ref('stg_hubspot__deals') }} {{ only_new_loads() }}

),

-- One load may bring two versions, a live one and one out of the archive: the record's number tells which is the newer.
versions as (

    select
        deal._account, deal.deal_id, deal.deal_key, deal.contact_ids, max(deal._load_number) over (partition by deal._account, deal.deal_id) as newest_load,
        row_number() over (partition by deal._account, deal.deal_id order by deal._load_number desc, deal._record_number desc) = 1 as is_newest
    from {{ ref('stg_hubspot__deals') }} as deal
    inner join changed_deals using (_account, deal_id)

),

links as (

    select _account, deal_key, unnest(contact_ids) as contact_id, newest_load, is_newest from versions

)

select
    'hubspot' as source_system,
    _account as account,
    deal_key,
    contact_id as source_contact_id,
    cast(null as varchar) as contact_role,
    not bool_or(is_newest) as is_deleted,
    max(newest_load) as _load_number
from links
group by _account, deal_key, contact_id
-- as in int_crm__deals
order by deal_key
