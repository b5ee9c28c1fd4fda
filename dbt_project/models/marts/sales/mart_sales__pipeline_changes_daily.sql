with as_of as (

    select {{ reporting_date('max(warehouse_data_through)') }} as as_of_date
    from {{ ref('dim_sources') }}

),

-- what a deal was at the end of a day counts from that day until the day it changed again
end_of_day as (

    select
        least(versions.valid_from_date, as_of.as_of_date) as from_date,
        -- least() would step over a null
        case when versions.valid_to_date is not null then least(versions.valid_to_date, as_of.as_of_date) end as to_date,
        versions.pipeline_key,
        versions.stage_key,
        versions.owner_key,
        coalesce(versions.currency_code, '') as currency_code,
        versions.deal_amount
    from {{ ref('fct_deal_versions') }} as versions
    cross join as_of
    where versions.deal_status = 'open'
        and (versions.valid_to_date is null or least(versions.valid_from_date, as_of.as_of_date) < least(versions.valid_to_date, as_of.as_of_date))

),

deltas as (

    select from_date as calendar_date, pipeline_key, stage_key, owner_key, currency_code,
        1 as deals, case when deal_amount is null then 0 else 1 end as amounts, deal_amount
    from end_of_day

    union all

    select to_date, pipeline_key, stage_key, owner_key, currency_code,
        -1, case when deal_amount is null then 0 else -1 end, -deal_amount
    from end_of_day
    where to_date is not null

)

select
    calendar_date,
    pipeline_key,
    stage_key,
    owner_key,
    currency_code,
    cast(sum(deals) as bigint) as count_delta,
    cast(sum(amounts) as bigint) as amount_count_delta,
    cast(coalesce(sum(deal_amount), 0) as decimal(18, 2)) as amount_delta
from deltas
group by calendar_date, pipeline_key, stage_key, owner_key, currency_code
-- a deal whose expected close moved left and arrived in the same place
having sum(deals) <> 0 or sum(amounts) <> 0 or sum(deal_amount) <> 0
