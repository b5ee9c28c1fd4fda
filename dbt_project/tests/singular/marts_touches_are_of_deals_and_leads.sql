-- Every deal and every lead has at least one kind of touch, or none; wins without a presentation are wins; activities are counted once.
with kinds as (

    select touch_kind, deal_count, won_count, lead_count from {{ ref('mart_sales__touches') }} where period_grain = 'all'

),

wins as (

    select periods.period_grain, periods.period_start, count(*) as won
    from {{ ref('mart_sales__closes') }} as closes
    inner join {{ ref('mart_metrics__periods') }} as periods on periods.calendar_date = closes.closed_date
    where closes.close_group = 'won' and not closes.is_removed
    group by 1, 2

)

select 'kinds' as what, null as period_start, sum(deal_count) as told, (select count(*) from {{ ref('dim_deals') }}) as counted,
    'A deal has neither a touch nor none: look at mart_sales__touch_kinds.' as likely_cause
from kinds
having sum(deal_count) < (select count(*) from {{ ref('dim_deals') }})
    or sum(lead_count) < (select count(*) from {{ ref('dim_leads') }})
    or max(deal_count) filter (where touch_kind in ('email_only', 'none')) > (select count(*) from {{ ref('dim_deals') }})
    or sum(deal_count) filter (where touch_kind = 'none') <> (
        select count(*) from {{ ref('dim_deals') }} where deal_key not in (select deal_key from {{ ref('mart_sales__deal_touches') }}))
    or count(*) <> 6

union all

select told.period_grain, told.period_start, told.won_count, wins.won, 'The wins of a period are not those of mart_sales__closes.'
from {{ ref('mart_sales__touches') }} as told
left join wins on wins.period_grain = told.period_grain and wins.period_start = told.period_start
where told.touch_kind = 'any' and told.dimension = 'all' and told.won_count <> coalesce(wins.won, 0)
