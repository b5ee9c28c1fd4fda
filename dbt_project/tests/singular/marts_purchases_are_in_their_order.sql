-- A company's purchases are numbered as they were won, each knows when the next one was, and what kind it is follows from the purchases before it.
with numbered as (

    select purchases.*, count(*) over (partition by company_key) as company_count, max(purchase_number) over (partition by company_key) as last_number
    from {{ ref('mart_customers__purchases') }} as purchases
    where company_key <> {{ unknown_key() }}

),

-- the latest earlier purchase of the same line
line_before as (

    select later.deal_key, max(earlier.purchase_number) as purchase_number
    from numbered as later
    inner join numbered as earlier
        on earlier.company_key = later.company_key and earlier.product_line = later.product_line and earlier.purchase_number < later.purchase_number
    group by later.deal_key

)

select
    purchases.deal_key, purchases.company_key, purchases.purchase_number, purchases.purchase_kind,
    'A purchase has another place or kind than the purchases before it say: look at mart_customers__purchases.' as likely_cause
from numbered as purchases
left join numbered as following on following.company_key = purchases.company_key and following.purchase_number = purchases.purchase_number + 1
left join line_before on line_before.deal_key = purchases.deal_key
left join numbered as before on before.company_key = purchases.company_key and before.purchase_number = line_before.purchase_number
where purchases.purchase_number is null
    or purchases.company_count <> purchases.last_number
    or following.won_at < purchases.won_at
    or purchases.next_won_at is distinct from following.won_at
    or purchases.purchase_kind <> case
        when purchases.purchase_number = 1 then 'first'
        when purchases.product_line = 'unknown' then 'no_line'
        when before.deal_key is null then 'cross_sell'
        when before.close_currency_code = purchases.close_currency_code and purchases.close_amount > before.close_amount then 'upsell'
        when before.close_currency_code is distinct from purchases.close_currency_code and purchases.booked_amount > before.booked_amount then 'upsell'
        when before.close_currency_code is null and purchases.close_currency_code is null and purchases.booked_amount > before.booked_amount then 'upsell'
        else 'repeat' end

union all

select deal_key, company_key, purchase_number, purchase_kind, 'What nobody bought has no place among a company''s purchases.'
from {{ ref('mart_customers__purchases') }}
where company_key = {{ unknown_key() }} and (purchase_kind <> 'no_company' or purchase_number is not null or next_won_at is not null)

union all

-- a customer is what its purchases say
select null, coalesce(customers.company_key, bought.company_key), customers.purchase_count, null, 'A customer has other purchases than mart_customers__purchases: look at mart_customers__customers.'
from {{ ref('mart_customers__customers') }} as customers
full join (
    select
        company_key, count(*) as purchases, min(won_at) as first_won_at, min(won_date) as first_won_date, max(won_at) as last_won_at, sum(booked_amount) as won_amount,
        max(case when purchase_number = 1 then product_line end) as product_line, max(company_size) as company_size, max(country) as country
    from numbered
    group by company_key
) as bought on bought.company_key = customers.company_key
where customers.purchase_count is distinct from bought.purchases
    or customers.has_bought_again <> (bought.purchases > 1)
    or customers.first_won_at <> bought.first_won_at or customers.first_won_date <> bought.first_won_date or customers.last_won_at <> bought.last_won_at
    or customers.won_amount is distinct from bought.won_amount
    or customers.product_line is distinct from bought.product_line
    or customers.company_size <> bought.company_size or customers.country <> bought.country
