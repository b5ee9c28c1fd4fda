-- Opening and movements give the closing, which is the next opening; whoever bought by the end of a period is one of the companies with a won deal.
with in_order as (

    select
        *,
        lag(closing_count) over of_member as closing_before,
        lag(customer_count) over of_member as customers_before
    from {{ ref('mart_customers__retention') }}
    window of_member as (partition by period_grain, dimension, dimension_key order by period_start)

),

companies as (

    select count(distinct coalesce(companies.merged_into_company_key, deals.company_key)) as company_count
    from {{ ref('dim_deals') }} as deals
    inner join {{ ref('dim_companies') }} as companies on companies.company_key = deals.company_key
    where deals.deal_status = 'won' and companies.source_company_id is not null

)

select
    period_grain, period_start, dimension, dimension_value, opening_count, new_count, regained_count, lost_count, new_lost_count, closing_count, customer_count,
    'A stay of a customer is missing, doubled or ends before it begins: look at mart_customers__stays.' as likely_cause
from in_order
where opening_count + new_count + regained_count - lost_count - new_lost_count <> closing_count
    or opening_count <> coalesce(closing_before, 0)
    or customer_count <> coalesce(customers_before, 0) + new_count
    or lost_count > opening_count
    or closing_count < 0
    or closing_count > customer_count
union all
select
    told.period_grain, null, told.dimension, null, null, null, null, null, null, null, told.customer_count,
    'The customers are not the companies with a won deal.'
from (
    select period_grain, dimension, sum(new_count) as customer_count from in_order group by period_grain, dimension
) as told
cross join companies
where told.customer_count <> companies.company_count
union all
select 'stay', began_date, cast(company_key as varchar), loss_kind, null, null, null, null, null, null, stay_number, 'A stay ends before it began, or two overlap.'
from (
    select *, lead(began_date) over (partition by company_key order by stay_number) as next_began_date from {{ ref('mart_customers__stays') }}
) as stays
where ended_date < began_date or next_began_date < ended_date or (ended_date is null and next_began_date is not null)
