-- Every deal that stands as lost has exactly one final loss among the closes.
with losses as (

    select deal_key, count(*) as loss_count
    from {{ ref('mart_sales__closes') }}
    where close_group <> 'won' and is_final
    group by deal_key

)

select
    coalesce(losses.deal_key, deals.deal_key) as deal_key,
    deals.deal_status,
    losses.loss_count,
    'The last visit of the deal and its current stage in dim_deals disagree: an event at the end of its history is missing or doubled.' as likely_cause
from losses
full join (select * from {{ ref('dim_deals') }} where deal_status = 'lost') as deals on deals.deal_key = losses.deal_key
where coalesce(losses.loss_count, 0) <> 1 or deals.deal_key is null
