-- A lead of the marts says what its record and its standing changes say: every live lead once, its words, when it was first cut and why, whether it has a deal,
-- whom it bought from us by. Who was cut and came back has a later change that stands, or bought later.
with cuts as (

    select lead_key, changed_at, coalesce(reason, 'unknown') as reason, row_number() over (partition by lead_key order by changed_at) as place
    from {{ ref('fct_lead_status_changes') }}
    where new_status = 'disqualified' and retracted_at is null

),

conversions as (

    select distinct lead_key from {{ ref('fct_lead_status_changes') }} where new_status = 'converted' and retracted_at is null
    union
    select lead_key from {{ ref('dim_deals') }} where lead_key is not null
    union
    select lead_key from {{ ref('dim_leads') }} where converted_deal_key is not null

),

later as (

    select changes.lead_key, count(*) as change_count
    from {{ ref('fct_lead_status_changes') }} as changes
    inner join cuts on cuts.lead_key = changes.lead_key and cuts.place = 1 and changes.changed_at > cuts.changed_at
    where changes.retracted_at is null and changes.new_status <> 'disqualified'
    group by changes.lead_key

),

bought as (

    select lead_key, count(*) as win_count, min(won_at) as first_won_at, max(won_at) as last_won_at
    from {{ ref('mart_marketing__lead_wins') }}
    group by lead_key

)

select
    records.lead_key, records.source_lead_id, leads.cut_at, cuts.changed_at as first_cut_at, leads.has_deal, leads.won_count,
    'A lead is missing, doubled or says something else than its record: look at mart_marketing__leads and mart_marketing__cut_leads.' as likely_cause
from {{ ref('dim_leads') }} as records
full join {{ ref('mart_marketing__leads') }} as leads on leads.lead_key = records.lead_key
left join {{ ref('mart_marketing__cut_leads') }} as cut on cut.lead_key = leads.lead_key
left join {{ ref('dim_companies') }} as companies on companies.company_key = leads.company_key
left join cuts on cuts.lead_key = records.lead_key and cuts.place = 1
left join cuts as reasons
    on reasons.lead_key = leads.lead_key and reasons.changed_at = leads.cut_at and reasons.reason = leads.cut_reason
left join conversions on conversions.lead_key = records.lead_key
left join later on later.lead_key = records.lead_key
left join bought on bought.lead_key = records.lead_key
where records.lead_key is null
    or (leads.lead_key is null) <> records.is_deleted
    or (leads.lead_key is not null and (
        leads.created_at is distinct from records.created_at
        or leads.channel <> coalesce(records.channel, 'unknown')
        or leads.lead_direction <> coalesce(records.lead_direction, 'unknown')
        or leads.country <> coalesce(companies.country, 'unknown')
        or leads.company_size <> case
            when companies.employee_count >= 250 then '250+' when companies.employee_count >= 50 then '50-249' when companies.employee_count >= 10 then '10-49'
            when companies.employee_count is not null then '1-9' else 'unknown' end
        or leads.cut_at is distinct from cuts.changed_at
        or (leads.cut_reason is null) <> (cuts.lead_key is null)
        or (leads.cut_at is not null and reasons.lead_key is null)
        or leads.source_system <> records.source_system
        or leads.source_lead_id is distinct from records.source_lead_id
        or leads.first_mql_at is distinct from records.first_mql_at
        or leads.first_sql_at is distinct from records.first_sql_at
        or leads.has_deal <> (conversions.lead_key is not null)
        or (leads.fits_target is null) <> (leads.criteria_met is null and leads.criteria_failed is null)
        or (leads.fits_target is not null and leads.fits_target <> (leads.criteria_failed is null))
        or leads.won_count <> coalesce(bought.win_count, 0)
        or leads.first_won_at is distinct from bought.first_won_at
        or leads.is_customer <> (bought.lead_key is not null)
        or (cut.lead_key is null) <> (cuts.lead_key is null)
        or (cut.lead_key is not null and (
            cut.cut_at <> cuts.changed_at
            or cut.is_wrong_cut <> coalesce(bought.last_won_at > cuts.changed_at, false)
            or cut.has_come_back <> (later.lead_key is not null or coalesce(bought.last_won_at > cuts.changed_at, false))
            or (cut.won_amount is not null and not cut.is_wrong_cut)
        ))
    ))
