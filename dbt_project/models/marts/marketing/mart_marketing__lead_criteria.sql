-- what a lead meets stands in core as a list of words between semicolons
select
    leads.lead_key,
    criteria.criterion,
    leads.created_date,
    leads.crm_url,
    coalesce(position(';' || criteria.criterion || ';' in ';' || leads.criteria_met || ';') > 0, false) as is_met
from {{ ref('mart_marketing__leads') }} as leads
cross join {{ ref('qualification_criteria') }} as criteria
