-- The last closing is what is open now: in count exactly, in amount to the rounding of each deal's conversion to cents.
with last_closing as (

    select *
    from {{ ref('mart_sales__pipeline_waterfall') }}
    where waterfall_form = 'all_open' and dimension = 'pipeline'
    qualify row_number() over (partition by period_grain, dimension_key order by period_start desc) = 1

),

grains as (

    select distinct period_grain from {{ ref('mart_sales__pipeline_waterfall') }}

),

deals as (

    select
        grains.period_grain, cast(deals.pipeline_key as varchar) as dimension_key, count(*) as deal_count, coalesce(sum(deals.booked_amount), 0) as amount,
        count(distinct deals.currency_code) as currency_count
    from {{ ref('dim_deals') }} as deals
    cross join grains
    where deals.deal_status = 'open'
    group by grains.period_grain, deals.pipeline_key

)

select
    coalesce(last_closing.dimension_key, deals.dimension_key) as pipeline_key, last_closing.period_grain, last_closing.closing_count, deals.deal_count,
    last_closing.closing_amount, deals.amount,
    'History and current records disagree: the last change of stage, amount or currency of a deal of the pipeline is missing, doubled or late.' as likely_cause
from last_closing
full join deals on deals.dimension_key = last_closing.dimension_key and deals.period_grain = last_closing.period_grain
where coalesce(last_closing.closing_count, 0) <> coalesce(deals.deal_count, 0)
    or abs(coalesce(last_closing.closing_amount, 0) - coalesce(deals.amount, 0))
        > 0.005 * (coalesce(deals.deal_count, 0) + coalesce(deals.currency_count, 0))
