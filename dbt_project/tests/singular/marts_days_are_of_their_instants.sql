-- The day that stands beside an instant is that instant's day where the company is, in every list of leads, hand-offs, presentations, attempts, permissions and losses.
with told as (

    select 'mart_marketing__leads' as mart, cast(lead_key as varchar) as row_key, created_at as instant, created_date as day_told from {{ ref('mart_marketing__leads') }}
    union all
    select 'mart_marketing__cut_leads', cast(lead_key as varchar), cut_at, cut_date from {{ ref('mart_marketing__cut_leads') }}
    union all
    select 'mart_marketing__offers', cast(offer_key as varchar), offered_at, offered_date from {{ ref('mart_marketing__offers') }}
    union all
    select 'mart_marketing__first_requests', cast(lead_key as varchar), requested_at, requested_date from {{ ref('mart_marketing__first_requests') }}
    union all
    select 'mart_marketing__presentations', cast(activity_key as varchar), presented_at, presented_date from {{ ref('mart_marketing__presentations') }}
    union all
    select 'mart_marketing__contact_attempts', cast(activity_key as varchar), attempted_at, attempted_date from {{ ref('mart_marketing__contact_attempts') }}
    union all
    select 'mart_marketing__contact_permissions', cast(contact_key as varchar), created_at, created_date from {{ ref('mart_marketing__contact_permissions') }}
    union all
    select 'mart_marketing__lead_wins', cast(lead_key as varchar), won_at, won_date from {{ ref('mart_marketing__lead_wins') }}
    union all
    select 'mart_sales__returns', cast(loss_key as varchar), lost_at, lost_date from {{ ref('mart_sales__returns') }}

)

select mart, row_key, instant, day_told, 'The day is not the instant''s: look for the time zone in the mart named.' as likely_cause
from told
where day_told is distinct from {{ reporting_date('instant') }}
