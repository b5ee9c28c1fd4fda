-- Every live lead counts once in every grain of the funnel and of the quality, in each dimension; and so does every one that bought.
with buyers as (

    select lead_key from {{ ref('dim_deals') }} where deal_status = 'won' and lead_key is not null
    union
    select leads.lead_key
    from {{ ref('dim_leads') }} as leads
    inner join {{ ref('dim_deals') }} as deals on deals.deal_key = leads.converted_deal_key
    where deals.deal_status = 'won'

),

leads as (

    select count(*) as lead_count, count(buyers.lead_key) as customer_count
    from {{ ref('dim_leads') }} as leads
    left join buyers on buyers.lead_key = leads.lead_key
    where not leads.is_deleted

),

told as (

    select 'lead_funnel' as mart, period_grain, dimension, sum(lead_count) as lead_count, sum(customer_count) as customer_count
    from {{ ref('mart_marketing__lead_funnel') }}
    group by period_grain, dimension
    union all
    select 'lead_quality', period_grain, dimension, sum(lead_count), null
    from {{ ref('mart_marketing__lead_quality') }}
    group by period_grain, dimension
    union all
    select 'lead_scores', 'all', 'all', sum(lead_count), sum(customer_count)
    from {{ ref('mart_marketing__lead_scores') }}

)

select
    told.mart, told.period_grain, told.dimension, told.lead_count, leads.lead_count as live_leads, told.customer_count, leads.customer_count as buyers,
    'A lead is lost or doubled on the way from dim_leads, or its deal is: look at the joins of mart_marketing__leads and lead_wins.' as likely_cause
from told
cross join leads
-- a merged deal's lead buys through the survivor, which the simple count above does not follow
where told.lead_count <> leads.lead_count or told.customer_count < leads.customer_count or told.customer_count > told.lead_count
