-- What is planned counts while a deal is open: at its closing a CRM overwrites the expected close, and that is no plan. The versions lie in the
-- order of their deals.
with marked as (

    select *, {{ first_of_deal('valid_from') }} as is_first from {{ ref('fct_deal_versions') }}

),

plans as (

    select
        deal_key,
        valid_from,
        valid_from_date,
        pipeline_key,
        owner_key,
        deal_status,
        expected_close_date,
        {{ row_before('deal_status', 'valid_from') }} as status_before,
        {{ row_before('expected_close_date', 'valid_from') }} as expected_before
    from marked

)

select
    plans.deal_key,
    plans.valid_from as moved_at,
    plans.valid_from_date as moved_date,
    plans.pipeline_key,
    plans.owner_key,
    coalesce(owners.team_name, 'unknown') as team_name,
    expected_before as from_date,
    expected_close_date as to_date,
    cast(expected_close_date - expected_before as bigint) as moved_days,
    date_trunc('week', expected_close_date) > date_trunc('week', expected_before) as is_to_later_week,
    date_trunc('month', expected_close_date) > date_trunc('month', expected_before) as is_to_later_month,
    date_trunc('quarter', expected_close_date) > date_trunc('quarter', expected_before) as is_to_later_quarter
from plans
left join {{ ref('dim_owners') }} as owners on owners.owner_key = plans.owner_key
where
    deal_status = 'open' and status_before = 'open'
    and expected_close_date <> expected_before
