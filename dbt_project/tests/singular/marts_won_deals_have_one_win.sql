-- Numerators are subsets of their denominators, deal by deal: every deal that stands as won has exactly one counted win, and no other deal has one.
with wins as (

    select deal_key, count(*) as win_count
    from {{ ref('mart_sales__closes') }}
    where close_group = 'won' and not is_removed
    group by deal_key

)

select
    coalesce(wins.deal_key, deals.deal_key) as deal_key,
    deals.deal_status,
    wins.win_count,
    'A win counted twice or not at all: look at the visits of the deal to won stages and at its current stage in dim_deals.' as likely_cause
from wins
full join (select * from {{ ref('dim_deals') }} where deal_status = 'won') as deals on deals.deal_key = wins.deal_key
where coalesce(wins.win_count, 0) <> 1 or deals.deal_key is null
