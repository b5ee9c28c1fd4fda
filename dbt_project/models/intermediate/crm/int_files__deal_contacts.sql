-- The file's rows say the roles; the contact that a deal's own row names is linked too, without one.
with

changed_deals as (

    select distinct _account, deal_id
    from (
        select _account, deal_id, _load_number from {{ ref('stg_files__deal_contacts') }}
        union all
        select _account, deal_id, _load_number from {{ ref('stg_files__deals') }}
    ) as version
    {{ only_new_loads() }}

),

rows_of_the_file as (

    select link._account, link.deal_id, link.contact_id, link.role, link._is_deleted as is_deleted, link._load_number
    from {{ ref('stg_files__deal_contacts') }} as link
    inner join changed_deals using (_account, deal_id)
    qualify row_number() over (partition by link._account, link._source_id order by link._load_number desc, link._record_number desc) = 1

),

deal_versions as (

    select
        deal._account, deal.deal_id, deal.contact_id, deal._load_number,
        max(deal._load_number) over (partition by deal._account, deal.deal_id) as newest_load
    from {{ ref('stg_files__deals') }} as deal
    inner join changed_deals using (_account, deal_id)

),

links as (

    select _account, deal_id, contact_id, role, is_deleted, _load_number from rows_of_the_file
    union all
    select
        version._account, version.deal_id, version.contact_id, null, max(version._load_number) < max(version.newest_load), max(version.newest_load)
    from deal_versions as version
    anti join rows_of_the_file as row_of_the_file
        on version._account = row_of_the_file._account and version.deal_id = row_of_the_file.deal_id
        and version.contact_id = row_of_the_file.contact_id
    where version.contact_id is not null
    group by version._account, version.deal_id, version.contact_id

)

select
    'files' as source_system,
    _account as account,
    {{ ordered_key("'files'", '_account', 'deal_id') }} as deal_key,
    contact_id as source_contact_id,
    role as contact_role,
    is_deleted,
    max(_load_number) over (partition by _account, deal_id) as _load_number
from links
-- as in int_crm__deals
order by deal_key
