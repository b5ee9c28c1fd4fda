-- Every loss that counts has one row; it came back by its own deal or by another of its company, later, within the days; what was won back was won. The rates count
-- just these rows.
with losses as (

    select close_key, deal_key, closed_at
    from {{ ref('mart_sales__closes') }}
    where close_group <> 'won' and not is_removed

)

select
    coalesce(losses.close_key, returns.loss_key) as loss_key, returns.deal_key, returns.return_kind, returns.returned_deal_key, returns.days_to_return,
    'A loss is doubled or missing, or its return is none: look at mart_sales__returns.' as likely_cause
from losses
full join {{ ref('mart_sales__returns') }} as returns on returns.loss_key = losses.close_key
left join {{ ref('dim_deals') }} as others on others.deal_key = returns.returned_deal_key
where losses.close_key is null
    or returns.loss_key is null
    or (returns.return_kind is null) <> (returns.returned_at is null)
    or returns.days_to_return < 0
    or (returns.return_kind = 'reopened' and returns.returned_deal_key <> returns.deal_key)
    or (returns.return_kind = 'new_deal' and (returns.returned_deal_key = returns.deal_key or others.company_key <> returns.company_key
        or others.created_at <> returns.returned_at or returns.days_to_return > {{ var("win_back_days") }}))
    or (returns.is_won_back and others.deal_status <> 'won')
    or (returns.won_back_amount is not null and not returns.is_won_back)

union all

-- of several losses before one new deal no more than one, the newest, has the money
select null, returned_deal_key, 'new_deal', returned_deal_key, count(*), 'A new deal won back several losses at once: its money counts once.'
from {{ ref('mart_sales__returns') }}
where return_kind = 'new_deal'
group by returned_deal_key
having count(distinct case when is_won_back then loss_key end) > 1

union all

select null, null, told.period_grain || ' ' || told.period_start, null, told.lost_count, 'The losses of a period are not those of mart_sales__returns.'
from {{ ref('mart_sales__win_backs') }} as told
left join (
    select periods.period_grain, periods.period_start, count(*) as lost_count, count(returns.return_kind) as came_back_count,
        coalesce(sum(returns.won_back_amount), 0) as won_back_amount
    from {{ ref('mart_sales__returns') }} as returns
    inner join {{ ref('mart_metrics__periods') }} as periods on periods.calendar_date = returns.lost_date
    group by 1, 2
) as counted on counted.period_grain = told.period_grain and counted.period_start = told.period_start
where told.dimension = 'all'
    and (told.lost_count is distinct from counted.lost_count or told.came_back_count <> counted.came_back_count
        or told.won_back_amount <> counted.won_back_amount or told.reopened_count + told.new_deal_count <> told.came_back_count)

union all

-- … and it has it unless a loss lies between
select
    mine.loss_key, mine.deal_key, mine.return_kind, mine.returned_deal_key, mine.days_to_return,
    'A new deal has the money of another loss than the newest before it, or of none.'
from {{ ref('mart_sales__returns') }} as mine
left join {{ ref('mart_sales__returns') }} as others
    on others.company_key = mine.company_key and others.loss_key <> mine.loss_key and others.lost_at between mine.lost_at and mine.returned_at
left join (select distinct deal_key from {{ ref('mart_sales__closes') }} where close_group = 'won' and not is_removed) as wins
    on wins.deal_key = mine.returned_deal_key
where mine.return_kind = 'new_deal'
group by mine.loss_key, mine.deal_key, mine.return_kind, mine.returned_deal_key, mine.days_to_return, mine.is_won_back
having (mine.is_won_back and count(case when others.lost_at > mine.lost_at then 1 end) > 0)
    or (not mine.is_won_back and count(others.loss_key) = 0 and count(wins.deal_key) > 0)
