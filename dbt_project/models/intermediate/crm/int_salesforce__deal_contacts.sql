-- A contact may have several roles in an opportunity, and the same one twice: the link stands while one of the rows does.
with

changed_deals as (

    select distinct _account, opportunity_id from {{ ref('stg_salesforce__opportunity_contact_roles') }} {{ only_new_loads() }}

),

roles as (

    select link.*, max(link._load_number) over (partition by link._account, link.opportunity_id) as newest_load
    from {{ ref('stg_salesforce__opportunity_contact_roles') }} as link
    inner join changed_deals using (_account, opportunity_id)
    qualify row_number() over (partition by link._account, link.role_id order by link._load_number desc, link._record_number desc) = 1

)

select
    'salesforce' as source_system,
    _account as account,
    {{ ordered_key("'salesforce'", '_account', 'opportunity_id') }} as deal_key,
    contact_id as source_contact_id,
    contact_role,
    bool_and(_is_deleted) as is_deleted,
    max(newest_load) as _load_number
from roles
group by _account, opportunity_id, contact_id, contact_role
-- as in int_crm__deals
order by deal_key
