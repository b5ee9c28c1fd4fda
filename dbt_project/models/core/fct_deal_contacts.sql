{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='deal_contact_key', on_schema_change='fail') }}

with

links as (

    select
        link.source_system,
        link.account,
        link.deal_key as stated_deal_key,
        coalesce(survivor.survivor_key, link.deal_key) as deal_key,
        link.source_contact_id,
        link.contact_role,
        link.is_deleted,
        survivor.survivor_key is not null as is_taken_over,
        greatest(link._load_number, coalesce(survivor._load_number, 0)) as _load_number
    from {{ ref('int_crm__deal_contacts') }} as link
    left join {{ ref('int_crm__deal_survivors') }} as survivor on link.deal_key = survivor.deal_key

),

{% if is_incremental() -%}
changed_deals as (

    select distinct deal_key from links {{ only_new_loads() }}

),

{% endif -%}
-- Keys are made for these only: they cost more than all the rest.
links_of_changed_deals as (

    select
        link.*,
        {{ hashed_key("link.stated_deal_key || '|' || link.source_contact_id || '|' || coalesce(link.contact_role, '')") }} as deal_contact_key,
        {{ stable_key('link.source_system', 'link.account', 'link.source_contact_id') }} as contact_key
    from links as link
    {% if is_incremental() %}inner join changed_deals on link.deal_key = changed_deals.deal_key{% endif %}

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
from links_of_changed_deals as link
order by link.deal_key, link.contact_key
