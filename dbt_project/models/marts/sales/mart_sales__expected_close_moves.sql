-- What is planned counts while a deal is open: at its closing a CRM overwrites the expected close, and that is no plan.
with plans as (

    select
        deal_key,
        valid_from,
        valid_from_date,
        pipeline_key,
        owner_key,
        deal_status,
        expected_close_date,
        lag(deal_status) over in_order as status_before,
        lag(expected_close_date) over in_order as expected_before
    from {{ ref('fct_deal_versions') }}
    window in_order as (partition by deal_key order by valid_from)

)

select
    deal_key,
    valid_from as moved_at,
    valid_from_date as moved_date,
    pipeline_key,
    owner_key,
    expected_before as from_date,
    expected_close_date as to_date,
    cast(expected_close_date - expected_before as bigint) as moved_days,
    date_trunc('week', expected_close_date) > date_trunc('week', expected_before) as is_to_later_week,
    date_trunc('month', expected_close_date) > date_trunc('month', expected_before) as is_to_later_month,
    date_trunc('quarter', expected_close_date) > date_trunc('quarter', expected_before) as is_to_later_quarter
from plans
where
    deal_status = 'open' and status_before = 'open'
    and expected_close_date <> expected_before
