-- What a movement is worth in the reporting currency, at its day's rate and at the constant one, told anew from its amount and from what the deal held
-- before and after. Asked of the deals with news.
{%- set news = ref('fct_pipeline_movements') %}
with as_of as (

    select {{ reporting_date('max(warehouse_data_through)') }} as as_of_date from {{ ref('dim_sources') }}

),

rates as (

    select rate_date, from_currency_code as currency_code, exchange_rate
    from {{ ref('dim_exchange_rates') }}
    where to_currency_code = '{{ var("currency") }}'

),

constant_rates as (

    select currency_code, arg_max(exchange_rate, rate_date) as exchange_rate
    from rates
    {% if var("constant_rate_date") %}where rate_date = date '{{ var("constant_rate_date") }}'{% endif %}
    group by currency_code

),

-- A step is worth nothing or one amount: amounts that came add, amounts that went take away. What changes hands goes as it was and comes as it was.
movements as (

    select
        *,
        sum(coalesce(amount_delta, 0)) over (partition by deal_key order by step_number) as amount_after,
        sum(coalesce(amount_delta, 0)) over (partition by deal_key order by step_number)
            - sum(coalesce(amount_delta, 0)) over (partition by deal_key, step_number) as amount_before,
        case
            when bool_or(bucket = 'moved_out') over (partition by deal_key, step_number)
                then max(case when bucket = 'moved_out' then currency_code end) over (partition by deal_key, step_number)
            else currency_code
        end as currency_before
    from {{ ref('fct_pipeline_movements') }}
    where deal_key in (select deal_key from {{ news }} where _load_number = (select max(_load_number) from {{ news }}))

),

rated as (

    select
        movement.*,
        booked.exchange_rate as booked_rate, constant.exchange_rate as constant_rate,
        coalesce(booked_before.exchange_rate, booked.exchange_rate) as booked_rate_before,
        coalesce(constant_before.exchange_rate, constant.exchange_rate) as constant_rate_before
    from movements as movement
    cross join as_of
    left join rates as booked
        on least(movement.moved_date, as_of.as_of_date) = booked.rate_date and movement.currency_code = booked.currency_code
    left join rates as booked_before
        on least(movement.moved_date, as_of.as_of_date) = booked_before.rate_date and movement.currency_before = booked_before.currency_code
    left join constant_rates as constant on movement.currency_code = constant.currency_code
    left join constant_rates as constant_before on movement.currency_before = constant_before.currency_code

),

expected as (

    select
        *
        {% for basis in ['booked', 'constant'] -%}
        , case
            when bucket = 'moved_in' and {{ basis }}_rate is null then null
            when bucket = 'moved_in' then cast(round(amount_delta * {{ basis }}_rate_before, 2) as decimal(18, 2))
            when count_delta <> 0 then cast(round(amount_delta * {{ basis }}_rate, 2) as decimal(18, 2))
            else cast(round(amount_after * {{ basis }}_rate, 2) as decimal(18, 2))
                - case when {{ basis }}_rate is not null then cast(round(amount_before * {{ basis }}_rate_before, 2) as decimal(18, 2)) end
        end as {{ basis }}_worth
        {%- endfor %}
    from rated

)

select
    deal_key as guilty_key, step_number, bucket, moved_date, currency_code, amount_delta, amount_missing_reason,
    booked_amount_delta, booked_worth, booked_exchange_rate, booked_rate, constant_amount_delta, constant_worth, constant_exchange_rate, constant_rate,
    'What a movement is worth does not follow from its amount and the rates: look at dim_exchange_rates of that day and of the constant one.' as likely_cause
from expected
where
    booked_amount_delta is distinct from booked_worth
    or constant_amount_delta is distinct from constant_worth
    or booked_exchange_rate is distinct from booked_rate
    or constant_exchange_rate is distinct from constant_rate
    or amount_missing_reason is distinct from case
        when amount_delta is null then 'no_amount'
        when currency_code is null then 'no_currency'
        when booked_rate is null or constant_rate is null then 'no_exchange_rate'
    end
    or (count_delta = 0 and bucket <> case
        when coalesce(nullif(booked_worth, 0), nullif(constant_worth, 0), amount_delta) > 0 then 'increased' else 'decreased'
    end)
