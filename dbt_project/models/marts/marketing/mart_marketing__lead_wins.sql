with deals_of_leads as (

    select lead_key, deal_key from {{ ref('dim_deals') }} where lead_key is not null

    union  -- the lead names its deal, the deal its lead, or both do

    select leads.lead_key, coalesce(deals.merged_into_deal_key, deals.deal_key)
    from {{ ref('dim_leads') }} as leads
    inner join {{ ref('dim_deals') }} as deals on deals.deal_key = leads.converted_deal_key

    union

    -- a merged deal lives on in the one that survived
    select lead_key, merged_into_deal_key from {{ ref('dim_deals') }} where lead_key is not null and merged_into_deal_key is not null

)

select
    deals_of_leads.lead_key,
    closes.deal_key,
    closes.crm_url,
    closes.closed_at as won_at,
    closes.closed_date as won_date,
    closes.booked_amount,
    closes.is_unconverted,
    '{{ var("currency") }}' as currency_code,
    'booked' as amount_basis
from deals_of_leads
inner join {{ ref('mart_sales__closes') }} as closes on closes.deal_key = deals_of_leads.deal_key
where closes.close_group = 'won' and not closes.is_removed
