with limits as (

    {{ declared_limits(['repeat_window']) }}
    from {{ ref('limits') }}

),

as_of as (

    select max(warehouse_data_through) as data_through, {{ reporting_date('max(warehouse_data_through)') }} as as_of_date
    from {{ ref('dim_sources') }}

),

-- each purchase keeps the customer until a recorded loss, or until the repeat window is over without another one
kept as (

    select
        purchases.company_key,
        purchases.deal_key,
        purchases.won_at,
        purchases.won_date,
        {{ reporting_date('purchases.next_won_at') }} as next_won_date,
        case
            when customers.customer_lost_at >= purchases.won_at
                and customers.customer_lost_at < coalesce(purchases.next_won_at, as_of.data_through + interval 1 second)
                and {{ reporting_date('customers.customer_lost_at') }} <= purchases.won_date + limits.repeat_window_limit
                then {{ reporting_date('customers.customer_lost_at') }}
        end as recorded_loss_date,
        case
            when purchases.won_date + limits.repeat_window_limit < coalesce({{ reporting_date('purchases.next_won_at') }}, as_of.as_of_date)
                then purchases.won_date + limits.repeat_window_limit + 1
        end as silent_loss_date
    from {{ ref('mart_customers__purchases') }} as purchases
    inner join {{ ref('mart_customers__customers') }} as customers on customers.company_key = purchases.company_key
    cross join limits
    cross join as_of

),

ends as (

    select
        *,
        coalesce(recorded_loss_date, silent_loss_date) as ended_date,
        -- a purchase after the customer was lost begins a new stay
        lag(coalesce(recorded_loss_date, silent_loss_date)) over (partition by company_key order by won_at, deal_key) is not null
            or lag(won_at) over (partition by company_key order by won_at, deal_key) is null as is_beginning
    from kept

),

numbered as (

    select
        *,
        sum(case when is_beginning then 1 else 0 end) over (
            partition by company_key order by won_at, deal_key rows between unbounded preceding and current row
        ) as stay_number
    from ends

)

select
    company_key,
    cast(stay_number as bigint) as stay_number,
    min(won_date) as began_date,
    max(ended_date) as ended_date,
    case
        when max(recorded_loss_date) is not null then 'recorded'
        when max(silent_loss_date) is not null then 'no_purchase'
    end as loss_kind
from numbered
group by company_key, stay_number
