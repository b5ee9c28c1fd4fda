with changes as (

    select
        lead_key,
        max(criteria_met) as criteria_met,
        max(criteria_failed) as criteria_failed,
        min(case when retracted_at is null and new_status = 'disqualified' then changed_at end) as cut_at,
        -- of the first cut, whether it has a reason or not
        min_by(coalesce(reason, 'unknown'), changed_at) filter (where retracted_at is null and new_status = 'disqualified') as cut_reason,
        max(case when retracted_at is null and new_status = 'converted' then 1 else 0 end) as was_converted
    from {{ ref('fct_lead_status_changes') }}
    group by lead_key

),

wins as (

    select
        lead_key,
        count(*) as won_count,
        min(won_at) as first_won_at
    from {{ ref('mart_marketing__lead_wins') }}
    group by lead_key

),

deals as (

    select distinct lead_key from {{ ref('dim_deals') }} where lead_key is not null

)

select
    leads.lead_key,
    leads.source_system,
    leads.source_lead_id,
    leads.crm_url,
    leads.created_at,
    {{ reporting_date('leads.created_at') }} as created_date,
    coalesce(leads.channel, 'unknown') as channel,
    coalesce(leads.lead_direction, 'unknown') as lead_direction,
    leads.owner_key,
    coalesce(owners.team_name, 'unknown') as team_name,
    leads.company_key,
    {{ company_size('companies.employee_count') }} as company_size,
    coalesce(companies.country, 'unknown') as country,
    leads.campaign_key,
    leads.contact_key,
    leads.lead_status,
    leads.first_mql_at,
    leads.first_sql_at,
    leads.converted_deal_key is not null or deals.lead_key is not null or coalesce(changes.was_converted, 0) = 1 as has_deal,
    changes.cut_at,
    changes.cut_reason,
    changes.criteria_met,
    changes.criteria_failed,
    case when coalesce(changes.criteria_met, changes.criteria_failed) is not null then changes.criteria_failed is null end as fits_target,
    coalesce(wins.won_count, 0) as won_count,
    wins.first_won_at,
    wins.won_count is not null as is_customer
from {{ ref('dim_leads') }} as leads
left join changes on changes.lead_key = leads.lead_key
left join wins on wins.lead_key = leads.lead_key
left join deals on deals.lead_key = leads.lead_key
left join {{ ref('dim_owners') }} as owners on owners.owner_key = leads.owner_key
left join {{ ref('dim_companies') }} as companies on companies.company_key = leads.company_key
where not leads.is_deleted
