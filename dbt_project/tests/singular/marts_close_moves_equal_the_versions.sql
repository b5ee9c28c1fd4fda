-- A move of the expected close is the seam of two versions of an open deal with two dates; later is a later week, month or quarter of the calendar.
with wanted as (

    select
        later.deal_key, later.valid_from as moved_at, later.valid_from_date as moved_date, later.pipeline_key, later.owner_key,
        earlier.expected_close_date as from_date, later.expected_close_date as to_date,
        cast(date_diff('day', earlier.expected_close_date, later.expected_close_date) as bigint) as moved_days,
        to_day.week_start_date > from_day.week_start_date as is_to_later_week, to_day.month_start_date > from_day.month_start_date as is_to_later_month,
        to_day.quarter_start_date > from_day.quarter_start_date as is_to_later_quarter
    from {{ ref('fct_deal_versions') }} as earlier
    inner join {{ ref('fct_deal_versions') }} as later on later.deal_key = earlier.deal_key and later.valid_from = earlier.valid_to
    left join {{ ref('dim_dates') }} as from_day on from_day.calendar_date = earlier.expected_close_date
    left join {{ ref('dim_dates') }} as to_day on to_day.calendar_date = later.expected_close_date
    where earlier.deal_status || later.deal_status = 'openopen' and abs(date_diff('day', earlier.expected_close_date, later.expected_close_date)) > 0

),

told as (

    select
        deal_key, moved_at, moved_date, pipeline_key, owner_key, from_date, to_date, moved_days,
        -- the calendar does not reach as far as every plan: there nothing is compared
        case when to_day.calendar_date is not null and from_day.calendar_date is not null then is_to_later_week end as is_to_later_week,
        case when to_day.calendar_date is not null and from_day.calendar_date is not null then is_to_later_month end as is_to_later_month,
        case when to_day.calendar_date is not null and from_day.calendar_date is not null then is_to_later_quarter end as is_to_later_quarter
    from {{ ref('mart_sales__expected_close_moves') }} as move
    left join {{ ref('dim_dates') }} as from_day on from_day.calendar_date = move.from_date
    left join {{ ref('dim_dates') }} as to_day on to_day.calendar_date = move.to_date

)

select 'only in the mart' as where_it_stands, *, 'A move of the expected close is told that no two versions of the deal show.' as likely_cause
from (select * from told except all select * from wanted)
union all
select 'not in the mart', *, 'Two versions of an open deal have two expected closes, and mart_sales__expected_close_moves does not tell it.'
from (select * from wanted except all select * from told)
