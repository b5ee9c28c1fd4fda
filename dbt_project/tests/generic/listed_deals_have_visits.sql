{# Consistency test 6. Every deal in the CRM's own list has a current visit, and what left the list is deleted or merged. #}
{% test listed_deals_have_visits(model, deals, listed) %}

with

lists as (

    select source_system, account, max(listed_at) as listed_at from {{ listed }} group by source_system, account

),

current_visits as (

    select deal.deal_key, deal.source_system, deal.account, deal.source_deal_id, deal.left_at, deal.created_at, visit.visit_key, visit.entered_at
    from {{ deals }} as deal
    left join {{ model }} as visit on deal.deal_key = visit.deal_key and visit.is_current

)

select
    listed.source_system || '|' || listed.account || '|' || listed.source_deal_id as guilty_key,
    'The CRM lists this deal and it has no current visit here: it was never extracted, or its history was lost. Read the deal again.' as likely_cause
from {{ listed }} as listed
left join current_visits using (source_system, account, source_deal_id)
where
    listed.is_listed
    and current_visits.visit_key is null
    -- Too young to have been read, by its creation or by a change behind the end of the window (no window finds it tonight), or gone since the list
    -- was made.
    and not coalesce(listed.created_at > listed.data_through, false)
    and not coalesce(listed.changed_at > listed.data_through, false)
    and not coalesce(current_visits.left_at > listed.listed_at - interval '1' day, false)
union all
select
    current_visits.source_system || '|' || current_visits.account || '|' || current_visits.source_deal_id,
    'The CRM no longer lists this deal and it is still open, won or lost here: a deletion or merge was missed.'
from current_visits
inner join lists using (source_system, account)
left join {{ listed }} as listed using (source_system, account, source_deal_id)
where
    current_visits.visit_key is not null
    and not coalesce(listed.is_listed, false)
    and current_visits.created_at < lists.listed_at - interval '1' day
    -- Restored since the list was made: its stay began after that.
    and not coalesce(current_visits.entered_at > lists.listed_at - interval '1' day, false)

{% endtest %}
