with bought as (

    select
        company_key,
        min(won_at) as first_won_at,
        min(won_date) as first_won_date,
        max(won_at) as last_won_at,
        count(*) as purchase_count,
        sum(booked_amount) as won_amount,
        min_by(product_line, purchase_number) as product_line
    from {{ ref('mart_customers__purchases') }}
    where company_key <> {{ unknown_key() }}
    group by company_key

),

-- where a company first came from: its first deal, won or not
origins as (

    select
        coalesce(companies.merged_into_company_key, deals.company_key) as company_key,
        min_by(deals.channel, (deals.created_at, deals.deal_key)) as channel
    from {{ ref('dim_deals') }} as deals
    inner join {{ ref('dim_companies') }} as companies on companies.company_key = deals.company_key
    where deals.deal_status not in ('deleted', 'merged') and deals.channel is not null
    group by 1

),

referrals as (

    select
        coalesce(referrers.merged_into_company_key, referrers.company_key) as company_key,
        count(*) as referral_count
    from {{ ref('dim_companies') }} as companies
    inner join {{ ref('dim_companies') }} as referrers on referrers.company_key = companies.referred_by_company_key
    where not companies.is_deleted and companies.merged_into_company_key is null
    group by 1

)

select
    bought.company_key,
    companies.crm_url,
    bought.first_won_at,
    bought.first_won_date,
    bought.last_won_at,
    bought.purchase_count,
    bought.purchase_count >= 2 as has_bought_again,
    cast(bought.won_amount as decimal(18, 2)) as won_amount,
    coalesce(origins.channel, 'unknown') as channel,
    bought.product_line,
    {{ company_size('companies.employee_count') }} as company_size,
    coalesce(companies.country, 'unknown') as country,
    coalesce(referrals.referral_count, 0) as referral_count,
    companies.customer_lost_at,
    '{{ var("currency") }}' as currency_code,
    'booked' as amount_basis
from bought
left join {{ ref('dim_companies') }} as companies on companies.company_key = bought.company_key
left join origins on origins.company_key = bought.company_key
left join referrals on referrals.company_key = bought.company_key
