-- Every win is one purchase, with its amount; further purchases are of one kind, and payments of one status, in every grain and dimension.
with wins as (

    select count(*) as won_count, coalesce(sum(booked_amount), 0) as won_amount
    from {{ ref('mart_sales__closes') }}
    where close_group = 'won' and not is_removed

),

told as (

    select 'purchases' as what, 'all' as period_grain, 'all' as dimension, count(*) as deal_count, coalesce(sum(booked_amount), 0) as won_amount, true as is_sound
    from {{ ref('mart_customers__purchases') }}
    union all
    select 'won_deals', 'all', 'all', count(*), coalesce(sum(booked_amount), 0), true
    from {{ ref('mart_customers__won_deals') }}
    union all
    select
        'value_delivered', period_grain, dimension, sum(won_count + unknown_payment_count), null,
        bool_and(won_count = paid_count + part_paid_count + unpaid_count + not_yet_due_count)
    from {{ ref('mart_customers__value_delivered') }}
    group by period_grain, dimension

),

further as (

    select
        expansions.period_grain, expansions.dimension, sum(expansions.customer_deal_count) as deal_count,
        bool_and(expansions.customer_deal_count = expansions.upsell_count + expansions.cross_sell_count + expansions.repeat_count + expansions.no_line_count)
            as is_sound
    from {{ ref('mart_customers__expansions') }} as expansions
    group by expansions.period_grain, expansions.dimension

),

customers as (

    select sum(purchase_count - 1) as further_count from {{ ref('mart_customers__customers') }}

)

select
    told.what, told.period_grain, told.dimension, told.deal_count, wins.won_count, told.won_amount, wins.won_amount as amount_of_wins,
    'A win is lost or doubled on the way from mart_sales__closes, or has two payment statuses.' as likely_cause
from told
cross join wins
where told.deal_count <> wins.won_count or told.won_amount <> wins.won_amount or not told.is_sound
union all
select
    'expansions', further.period_grain, further.dimension, further.deal_count, customers.further_count, null, null,
    'A further deal of a customer is lost, doubled or of two kinds: look at purchase_kind.'
from further
cross join customers
where further.deal_count <> customers.further_count or not further.is_sound

union all
select
    'expansions', told.period_grain, told.dimension, null, null, told.further_amount, counted.further_amount,
    'What customers bought beside or on top is worth something else: look at mart_customers__expansions.'
from (
    select period_grain, dimension, sum(upsell_amount) as upsell_amount, sum(cross_sell_amount) as cross_sell_amount, sum(upsell_amount + cross_sell_amount) as further_amount
    from {{ ref('mart_customers__expansions') }}
    group by period_grain, dimension
) as told
cross join (
    select
        coalesce(sum(case when purchase_kind = 'upsell' then booked_amount end), 0) as upsell_amount,
        coalesce(sum(case when purchase_kind = 'cross_sell' then booked_amount end), 0) as cross_sell_amount,
        coalesce(sum(case when purchase_kind in ('upsell', 'cross_sell') then booked_amount end), 0) as further_amount
    from {{ ref('mart_customers__purchases') }}
) as counted
where told.upsell_amount <> counted.upsell_amount or told.cross_sell_amount <> counted.cross_sell_amount
