select
    company_key,
    source_system,
    source_company_id,
    company_name,
    industry,
    country,
    employee_count,
    created_at,
    coalesce(is_target, false) as is_target,
    customer_lost_at,
    {{ stable_key('source_system', 'account', 'source_referred_by_company_id') }} as referred_by_company_key,
    is_deleted,
    merged_into_company_key,
    crm_url
from {{ ref('int_crm__companies') }}
{{ happened_by_then('created_at') }}
union all
select {{ unknown_key() }}, 'unknown', null, 'unknown', null, null, null, null, false, null, null, false, null, null
