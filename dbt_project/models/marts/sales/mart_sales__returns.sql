with closes as (

    select
        *,
        lead(close_group) over in_order as next_close_group,
        lead(booked_amount) over in_order as next_amount,
        lead(is_unconverted) over in_order as is_next_unconverted
    from {{ ref('mart_sales__closes') }}
    where not is_removed
    window in_order as (partition by deal_key order by closed_at, close_key)

),

losses as (

    select
        closes.*,
        deals.company_key,
        -- a lost deal that was won without being re-opened first came back too
        case when visits.exit_kind in ('reopened', 'won') then visits.exited_at end as reopened_at
    from closes
    inner join {{ ref('fct_deal_stage_visits') }} as visits on visits.visit_key = closes.close_key and visits.stage_kind = 'lost'
    inner join {{ ref('dim_deals') }} as deals on deals.deal_key = closes.deal_key
    where closes.close_group <> 'won'

),

-- the losses and the new deals of a company along its time; what happens at one instant was begun before it was lost
company_events as (

    select company_key, closed_at as happened_at, 1 as is_loss, close_key, cast(null as {{ key_type() }}) as new_deal_key
    from losses
    where company_key <> {{ unknown_key() }}

    union all

    select company_key, created_at, 0, null, deal_key
    from {{ ref('dim_deals') }}
    where company_key <> {{ unknown_key() }} and deal_status not in ('deleted', 'merged')

),

what_came_next as (

    select
        close_key,
        first_value(new_deal_key ignore nulls) over afterwards as new_deal_key,
        first_value(case when is_loss = 0 then happened_at end ignore nulls) over afterwards as new_deal_at,
        first_value(case when is_loss = 1 then happened_at end ignore nulls) over afterwards as next_loss_at
    from company_events
    window afterwards as (
        partition by company_key order by happened_at, is_loss, new_deal_key rows between 1 following and unbounded following
    )

),

returns as (

    select
        losses.*,
        next.new_deal_key,
        next.new_deal_at,
        -- the newest loss before the new deal has the money, lest it be counted twice
        coalesce(next.next_loss_at > next.new_deal_at, true) as is_newest_loss,
        case
            when losses.reopened_at <= coalesce(next.new_deal_at, losses.reopened_at) then 'reopened'
            when {{ hours_between('losses.closed_at', 'next.new_deal_at') }} / 24 <= {{ var("win_back_days") }} then 'new_deal'
            when losses.reopened_at is not null then 'reopened'
        end as return_kind
    from losses
    left join what_came_next as next on next.close_key = losses.close_key

)

select
    returns.close_key as loss_key,
    returns.deal_key,
    returns.crm_url,
    returns.company_key,
    returns.close_group as lost_group,
    returns.lost_reason,
    returns.closed_at as lost_at,
    returns.closed_date as lost_date,
    returns.pipeline_key,
    returns.owner_key,
    returns.team_name,
    returns.channel,
    returns.lead_direction,
    returns.product_line,
    returns.company_size,
    returns.country,
    returns.booked_amount as lost_amount,
    returns.return_kind,
    case returns.return_kind when 'reopened' then returns.deal_key when 'new_deal' then returns.new_deal_key end as returned_deal_key,
    case returns.return_kind when 'reopened' then returns.reopened_at when 'new_deal' then returns.new_deal_at end as returned_at,
    {{ hours_between('returns.closed_at', "case returns.return_kind when 'reopened' then returns.reopened_at when 'new_deal' then returns.new_deal_at end") }} / 24
        as days_to_return,
    coalesce(case returns.return_kind
        when 'reopened' then returns.next_close_group = 'won' when 'new_deal' then returns.is_newest_loss and wins.deal_key is not null
    end, false) as is_won_back,
    case
        when returns.return_kind = 'reopened' and returns.next_close_group = 'won' then returns.next_amount
        when returns.return_kind = 'new_deal' and returns.is_newest_loss then wins.booked_amount
    end as won_back_amount,
    coalesce(case returns.return_kind
        when 'reopened' then returns.next_close_group = 'won' and returns.is_next_unconverted
        when 'new_deal' then returns.is_newest_loss and wins.is_unconverted
    end, false) as is_unconverted,
    '{{ var("currency") }}' as currency_code,
    'booked' as amount_basis
from returns
left join closes as wins on wins.deal_key = returns.new_deal_key and wins.close_group = 'won'
