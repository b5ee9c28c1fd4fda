with won_deals as (

    select
        closes.deal_key,
        closes.crm_url,
        -- a company merged away lives on in the one that survived
        coalesce(companies.merged_into_company_key, deals.company_key) as company_key,
        closes.closed_at as won_at,
        closes.closed_date as won_date,
        coalesce(deals.channel, 'unknown') as channel,
        coalesce(deals.product_line, 'unknown') as product_line,
        closes.close_amount,
        closes.close_currency_code,
        closes.booked_amount,
        closes.is_unconverted,
        deals.discount_amount,
        deals.promised_value_amount,
        deals.achieved_value_amount,
        deals.source_system
    from {{ ref('mart_sales__closes') }} as closes
    inner join {{ ref('dim_deals') }} as deals on deals.deal_key = closes.deal_key
    left join {{ ref('dim_companies') }} as companies on companies.company_key = deals.company_key
    where closes.close_group = 'won' and not closes.is_removed

),

in_order as (

    select
        *,
        row_number() over of_company as purchase_number,
        lead(won_at) over of_company as next_won_at,
        row_number() over of_line as line_purchase_number,
        lag(close_amount) over of_line as line_amount_before,
        lag(close_currency_code) over of_line as line_currency_before,
        lag(booked_amount) over of_line as line_booked_before
    from won_deals
    window
        of_company as (partition by company_key order by won_at, deal_key),
        of_line as (partition by company_key, product_line order by won_at, deal_key)

),

-- in one currency the amounts themselves compare, in two what they were worth on their days
compared as (

    select
        *,
        case
            when line_currency_before = close_currency_code then close_amount > line_amount_before
            else booked_amount > line_booked_before
        end as is_larger
    from in_order

)

select
    compared.deal_key,
    compared.crm_url,
    compared.company_key,
    compared.won_at,
    compared.won_date,
    compared.channel,
    compared.product_line,
    {{ company_size('companies.employee_count') }} as company_size,
    coalesce(companies.country, 'unknown') as country,
    compared.close_amount,
    compared.close_currency_code,
    compared.booked_amount,
    compared.is_unconverted,
    compared.discount_amount,
    compared.promised_value_amount,
    compared.achieved_value_amount,
    compared.source_system,
    case when compared.company_key <> {{ unknown_key() }} then compared.purchase_number end as purchase_number,
    case when compared.company_key <> {{ unknown_key() }} then compared.next_won_at end as next_won_at,
    case
        when compared.company_key = {{ unknown_key() }} then 'no_company'
        when compared.purchase_number = 1 then 'first'
        when compared.product_line = 'unknown' then 'no_line'
        when compared.line_purchase_number = 1 then 'cross_sell'
        when compared.is_larger then 'upsell'
        else 'repeat'
    end as purchase_kind,
    '{{ var("currency") }}' as currency_code,
    'booked' as amount_basis
from compared
left join {{ ref('dim_companies') }} as companies on companies.company_key = compared.company_key
