-- A deal of Pipedrive has one person: whom the newest version does not name is linked no longer.
with

changed_deals as (

    select distinct _account, deal_id from {{ ref('stg_pipedrive__deals') }} {{ only_new_loads() }}

),

versions as (

    select
        deal._account,
        deal.deal_id,
        deal.person_id,
        deal._load_number,
        last_value(deal.person_id) over deal_versions as newest_person_id,
        max(deal._load_number) over (partition by deal._account, deal.deal_id) as newest_load
    from {{ ref('stg_pipedrive__deals') }} as deal
    inner join changed_deals using (_account, deal_id)
    window deal_versions as (
        partition by deal._account, deal.deal_id order by deal._load_number, deal._record_number
        rows between unbounded preceding and unbounded following
    )

)

select
    'pipedrive' as source_system,
    _account as account,
    {{ ordered_key("'pipedrive'", '_account', 'deal_id') }} as deal_key,
    person_id as source_contact_id,
    cast(null as varchar) as contact_role,
    bool_and(person_id is distinct from newest_person_id) as is_deleted,
    max(newest_load) as _load_number
from versions
where person_id is not null
group by _account, deal_id, person_id
-- as in int_crm__deals
order by deal_key
