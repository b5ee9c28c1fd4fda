{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='deal_contact_key', on_schema_change='fail') }}

with

{% if is_incremental() -%}
changed_deals as (

    select coalesce(survivor.survivor_key, link.deal_key) as deal_key
    from {{ ref('int_crm__deal_contacts') }} as link
    left join {{ ref('int_crm__deal_survivors') }} as survivor on link.deal_key = survivor.deal_key
    where link._load_number > {{ newest_load() }}
    union
    select survivor_key from {{ ref('int_crm__deal_survivors') }} {{ only_new_loads() }}

),

-- The deals whose links they hold: their own, and what was merged into them.
stated_deals as (

    select deal_key from changed_deals
    union
    select survivor.deal_key
    from {{ ref('int_crm__deal_survivors') }} as survivor
    inner join changed_deals on survivor.survivor_key = changed_deals.deal_key

),

{% endif -%}
-- Keys are made for these only: they cost more than all the rest.
links as (

    select
        link.source_system,
        link.account,
        coalesce(survivor.survivor_key, link.deal_key) as deal_key,
        link.contact_role,
        link.is_deleted,
        survivor.survivor_key is not null as is_taken_over,
        greatest(link._load_number, coalesce(survivor._load_number, 0)) as _load_number,
        {{ key_beside('link.deal_key', "link.source_contact_id || '|' || coalesce(link.contact_role, '')") }} as deal_contact_key,
        {{ stable_key('link.source_system', 'link.account', 'link.source_contact_id') }} as contact_key
    from {{ ref('int_crm__deal_contacts') }} as link
    {% if is_incremental() %}inner join stated_deals on link.deal_key = stated_deals.deal_key{% endif %}
    left join {{ ref('int_crm__deal_survivors') }} as survivor on link.deal_key = survivor.deal_key

)

-- What a merged deal hands over stands once, if the survivor had it already.
select
    link.deal_contact_key,
    link.source_system,
    link.deal_key,
    link.contact_key,
    link.contact_role,
    link.is_deleted or row_number() over (
        partition by link.deal_key, link.contact_key, link.contact_role
        order by link.is_deleted, link.is_taken_over, link.deal_contact_key
    ) > 1 as is_deleted,
    max(link._load_number) over (partition by link.deal_key) as _load_number
from links as link
order by link.deal_key, link.contact_key
