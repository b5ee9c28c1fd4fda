-- Line items and contacts of a deal that was merged away stand with the deal that was not; of links that say the same one stands, the survivor's own if it
-- has one. None more and none less than the sources state.
with survivors as (

    select
        merge.deal_key, coalesce(next_merge.merged_into_deal_key, merge.merged_into_deal_key) as survivor_key,
        greatest(merge._load_number, next_merge._load_number) as merged_load
    from {{ ref('int_crm__deal_merges') }} as merge
    left join {{ ref('int_crm__deal_merges') }} as next_merge on next_merge.deal_key = merge.merged_into_deal_key

),

stated_lines as (

    select
        item.line_item_key, item.source_line_item_id, item.quantity, item.line_amount, item.currency_code, item.is_deleted,
        coalesce(survivor.survivor_key, {{ ordered_key('item.source_system', 'item.account', 'item.source_deal_id') }}) as deal_key,
        case
            when item.source_product_id is null then {{ unknown_key() }}
            else {{ stable_key('item.source_system', 'item.account', 'item.source_product_id') }}
        end as product_key
    from {{ ref('int_crm__deal_line_items') }} as item
    left join survivors as survivor on survivor.deal_key = {{ ordered_key('item.source_system', 'item.account', 'item.source_deal_id') }}

),

held_lines as (

    select line_item_key, source_line_item_id, quantity, line_amount, currency_code, is_deleted, deal_key, product_key from {{ ref('fct_deal_line_items') }}

),

stated_links as (

    select
        {{ key_beside('link.deal_key', "link.source_contact_id || '|' || coalesce(link.contact_role, '')") }} as deal_contact_key,
        coalesce(survivor.survivor_key, link.deal_key) as deal_key,
        {{ stable_key('link.source_system', 'link.account', 'link.source_contact_id') }} as contact_key,
        link.contact_role, link.is_deleted, survivor.deal_key is null as is_own, greatest(link._load_number, survivor.merged_load) as stated_load
    from {{ ref('int_crm__deal_contacts') }} as link
    left join survivors as survivor on survivor.deal_key = link.deal_key

),

held_links as (

    select held.*, stated.is_own, stated.is_deleted as is_dissolved, stated.stated_load, stated.deal_contact_key is null as is_invented
    from {{ ref('fct_deal_contacts') }} as held
    left join stated_links as stated
        on stated.deal_contact_key = held.deal_contact_key and stated.deal_key = held.deal_key and stated.contact_key = held.contact_key
        and stated.contact_role is not distinct from held.contact_role

)

select line_item_key as guilty_key, deal_key, 'The line item stands in core twice, or otherwise than its record states it.' as likely_cause
from (select * from held_lines except all select * from stated_lines)
union all
select line_item_key, deal_key, 'The line item is missing from core, or stands there with a deal that was merged away.'
from (select * from stated_lines except all select * from held_lines)
union all
select deal_contact_key, deal_key, 'The link with a contact is missing from core, or stands with a deal that was merged away.'
from stated_links
where deal_contact_key not in (select deal_contact_key from held_links where not is_invented)
union all
select any_value(deal_contact_key), deal_key, 'A link that nobody stated, that was dissolved, that stands twice or not at all, or that a merge put before the survivor''s own.'
from held_links
group by deal_key, contact_key, contact_role
having
    bool_or(is_invented)
    or bool_or(is_dissolved and not is_deleted)
    or count(*) filter (where not is_deleted) <> case when bool_and(is_dissolved) then 0 else 1 end
    or (bool_or(is_own and not is_dissolved) and not bool_or(is_own and not is_deleted))
union all
select any_value(deal_contact_key), deal_key, 'The links of the deal stand as of an older or newer load than their records: the next night builds the wrong deals anew.'
from held_links
group by deal_key
having max(_load_number) <> max(stated_load) or min(_load_number) <> max(stated_load)
union all
select held.line_item_key, held.deal_key, 'The line item stands as of an older load than its record or its merge: the next night would build it anew, or never.'
from {{ ref('fct_deal_line_items') }} as held
inner join {{ ref('int_crm__deal_line_items') }} as item on item.line_item_key = held.line_item_key
left join survivors as survivor on survivor.deal_key = {{ ordered_key('item.source_system', 'item.account', 'item.source_deal_id') }}
where held._load_number <> greatest(item._load_number, survivor.merged_load)
