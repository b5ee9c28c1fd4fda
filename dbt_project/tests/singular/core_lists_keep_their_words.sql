-- Companies, products, campaigns and weeks of capacity stand in core with every word of their records, none more and none less; beside them the unknown
-- member alone. A campaign's channel is told in the company's words, a seller that nobody lists is the unknown one.
with told as (

    select
        'company' as entity, company_key as entity_key, source_system, source_company_id as source_id, is_deleted, merged_into_company_key as merged_into_key,
        company_name as words,
        concat_ws('|', coalesce(industry, '-'), coalesce(country, '-'), employee_count, created_at, is_target, customer_lost_at, referred_by_company_key, crm_url) as details
    from {{ ref('dim_companies') }}
    union all
    select 'product', product_key, source_system, source_product_id, is_deleted, merged_into_product_key, product_name, concat_ws('|', product_line, crm_url)
    from {{ ref('dim_products') }}
    union all
    select
        'campaign', campaign_key, source_system, source_campaign_id, is_deleted, merged_into_campaign_key, campaign_name,
        concat_ws('|', coalesce(channel, '-'), start_date, end_date, budget_amount, spent_amount, currency_code, crm_url)
    from {{ ref('dim_campaigns') }}
    union all
    select
        'capacity', capacity_key, source_system, source_capacity_id, false, owner_key, cast(week_start_date as varchar),
        concat_ws('|', coalesce(cast(meeting_count as varchar), '-'), active_deal_count)
    from {{ ref('fct_capacity') }}

),

-- Whom a week is about: the seller of its own source, else, for a folder of files, the one seller of that id anywhere.
sellers as (

    select
        entry.capacity_key,
        any_value(owner.owner_key) filter (where owner.source_system = entry.source_system and owner.account = entry.account) as own_key,
        case when count(*) = 1 and any_value(entry.source_system) = 'files' then any_value(owner.owner_key) end as only_key
    from {{ ref('int_crm__capacity') }} as entry
    inner join {{ ref('int_crm__owners') }} as owner on owner.source_owner_id = entry.source_owner_id
    group by entry.capacity_key

),

stated as (

    select
        'company' as entity, company_key as entity_key, source_system, source_company_id as source_id, is_deleted, merged_into_company_key as merged_into_key,
        company_name as words,
        concat_ws('|', coalesce(industry, '-'), coalesce(country, '-'), employee_count, created_at, is_target is not null and is_target, customer_lost_at,
            {{ stable_key('source_system', 'account', 'source_referred_by_company_id') }}, crm_url) as details
    from {{ ref('int_crm__companies') }}
    union all
    select 'product', product_key, source_system, source_product_id, is_deleted, null, product_name, concat_ws('|', product_line) from {{ ref('int_crm__products') }}
    union all
    select
        'campaign', campaign.campaign_key, campaign.source_system, campaign.source_campaign_id, campaign.is_deleted, null, campaign.campaign_name,
        concat_ws('|', coalesce(
            (select own_words.channel from {{ ref('channels') }} as own_words where own_words.source_system = campaign.source_system and own_words.source_channel = campaign.source_channel),
            campaign.source_channel, '-'
        ), campaign.start_date, campaign.end_date, campaign.budget_amount, campaign.spent_amount, campaign.currency_code, campaign.crm_url)
    from {{ ref('int_crm__campaigns') }} as campaign
    union all
    select
        'capacity', entry.capacity_key, entry.source_system, entry.source_capacity_id, false, coalesce(seller.own_key, seller.only_key, {{ unknown_key() }}),
        cast(entry.week_start_date as varchar), concat_ws('|', coalesce(cast(entry.meeting_count as varchar), '-'), entry.active_deal_count)
    from {{ ref('int_crm__capacity') }} as entry
    left join sellers as seller on seller.capacity_key = entry.capacity_key
    where entry.is_deleted = false
    union all
    select each.entity, {{ unknown_key() }}, 'unknown', null, false, null, 'unknown', each.details
    from (values ('company', '-|-|false'), ('product', ''), ('campaign', '-')) as each (entity, details)

)

select 'only in core' as where_it_stands, *, 'A member or entry stands in core twice, or otherwise than its source states it.' as likely_cause
from (select * from told except all select * from stated)
union all
select 'not in core', *, 'A member or entry is missing from core: what belongs to it would fall out of every report by it.'
from (select * from stated except all select * from told)
