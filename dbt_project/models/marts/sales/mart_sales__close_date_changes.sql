with as_of as (

    select {{ reporting_date('max(warehouse_data_through)') }} as as_of_date
    from {{ ref('dim_sources') }}

),

-- the steps lie in the order of their deals
marked as (

    select
        deal_key, step_number, changed_date, deal_status, pipeline_key, owner_key, currency_code, deal_amount, known_close_date,
        {{ first_of_deal('step_number') }} as is_first
    from {{ ref('fct_deal_steps') }}

),

neighbours as (

    select
        *,
        {{ row_before('deal_status', 'step_number') }} as status_before,
        {{ row_before('known_close_date', 'step_number') }} as close_before,
        {{ row_before('pipeline_key', 'step_number') }} as pipeline_before
    from marked

)

-- after the changes of amount, currency and owner of its instant, before its last move
select
    changes.deal_key,
    changes.step_number,
    least(changes.changed_date, as_of.as_of_date) as calendar_date,
    changes.close_before as old_close_date,
    changes.known_close_date as new_close_date,
    changes.pipeline_before as pipeline_key,
    changes.owner_key,
    changes.currency_code,
    changes.deal_amount,
    {{ converted('changes.deal_amount', 'rates.exchange_rate') }} as booked_amount
from neighbours as changes
cross join as_of
left join {{ ref('dim_exchange_rates') }} as rates
    on rates.rate_date = least(changes.changed_date, as_of.as_of_date)
    and rates.from_currency_code = changes.currency_code
    and rates.to_currency_code = '{{ var("currency") }}'
where changes.deal_status = 'open' and changes.status_before = 'open'
    and changes.known_close_date is distinct from changes.close_before
