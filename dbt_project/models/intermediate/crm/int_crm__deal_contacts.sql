-- The union over the CRMs: a CRM more is a relation more.
{% set columns = 'source_system, account, deal_key, source_contact_id, contact_role, is_deleted, _load_number' %}
with

links as not materialized (

    select {{ columns }} from {{ ref('int_hubspot__deal_contacts') }}
    union all
    select {{ columns }} from {{ ref('int_pipedrive__deal_contacts') }}
    union all
    select {{ columns }} from {{ ref('int_salesforce__deal_contacts') }}
    union all
    select {{ columns }} from {{ ref('int_files__deal_contacts') }}

),

-- A contact that was merged away hands its deals to the survivor.
handed_over as (

    select
        link.* exclude (_load_number),
        survivor.survivor_source_id,
        greatest(link._load_number, survivor._load_number) as _load_number
    from links as link
    inner join {{ ref('int_crm__survivors') }} as survivor
        on survivor.entity = 'contact' and link.source_system = survivor.source_system and link.account = survivor.account
        and link.source_contact_id = survivor.source_id

),

-- The deals of those may have been linked with the survivor already: only their links are put together, each of the others stands once as it is.
deals_handed_over as (

    select distinct deal_key from handed_over

),

linked as (

    select {{ columns }} from links
    where
        deal_key in (select deal_key from deals_handed_over)
        and (source_system, account, source_contact_id) not in (
            select (source_system, account, source_id) from {{ ref('int_crm__survivors') }} where entity = 'contact'
        )
    union all
    select source_system, account, deal_key, source_contact_id, contact_role, true, _load_number from handed_over
    union all
    select source_system, account, deal_key, survivor_source_id, contact_role, is_deleted, _load_number from handed_over

)

select {{ columns }} from links
anti join deals_handed_over using (deal_key)
union all
select
    source_system,
    account,
    deal_key,
    source_contact_id,
    contact_role,
    bool_and(is_deleted) as is_deleted,
    max(_load_number) as _load_number
from linked
group by source_system, account, deal_key, source_contact_id, contact_role
