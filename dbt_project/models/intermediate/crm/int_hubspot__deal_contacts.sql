-- HubSpot gives all contacts with every version of a deal: whom the newest version lacks is linked no longer.
with

changed_deals as (

    select distinct _account, deal_id from {{ ref('stg_hubspot__deals') }} {{ only_new_loads() }}

),

links as (

    select
        deal._account, deal.deal_id, deal._load_number, unnest(deal.contact_ids) as contact_id,
        max(deal._load_number) over (partition by deal._account, deal.deal_id) as newest_load
    from {{ ref('stg_hubspot__deals') }} as deal
    inner join changed_deals using (_account, deal_id)

)

select
    'hubspot' as source_system,
    _account as account,
    {{ stable_key("'hubspot'", '_account', 'deal_id') }} as deal_key,
    contact_id as source_contact_id,
    cast(null as varchar) as contact_role,
    max(_load_number) < max(newest_load) as is_deleted,
    max(newest_load) as _load_number
from links
group by _account, deal_id, contact_id
