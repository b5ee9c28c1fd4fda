with as_of as (

    select max(warehouse_data_through) as data_through
    from {{ ref('dim_sources') }}

),

last_purchases as (

    select deals.company_key, max(closes.closed_at) as last_won_at
    from {{ ref('mart_sales__closes') }} as closes
    inner join {{ ref('dim_deals') }} as deals on deals.deal_key = closes.deal_key
    where closes.close_group = 'won' and not closes.is_removed and deals.company_key <> {{ unknown_key() }}
    group by deals.company_key

),

last_returns as (

    select deal_key, max_by(coalesce(return_kind, 'none'), lost_at) as return_kind
    from {{ ref('mart_sales__returns') }}
    group by deal_key

),

listed as (

    select
        outcomes.*,
        deals.company_key,
        case when outcomes.is_dormant then 'dormant' else 'lost' end as list_kind,
        case when outcomes.is_dormant then outcomes.last_sign_of_life_at else outcomes.outcome_at end as quiet_since
    from {{ ref('mart_sales__deal_outcomes') }} as outcomes
    inner join {{ ref('dim_deals') }} as deals on deals.deal_key = outcomes.deal_key
    left join last_purchases on last_purchases.company_key = deals.company_key
    left join last_returns on last_returns.deal_key = outcomes.deal_key
    where outcomes.is_dormant
        -- who was no customer to be is none now; who came back or has bought since needs no call
        or (outcomes.outcome in ('lost', 'no_decision')
            and coalesce(last_returns.return_kind, 'none') = 'none'
            and coalesce(last_purchases.last_won_at <= outcomes.outcome_at, true))

)

select
    listed.deal_key,
    listed.source_system,
    listed.source_deal_id,
    listed.crm_url,
    listed.list_kind,
    case listed.list_kind when 'lost' then coalesce(listed.lost_reason, 'unknown') else 'none' end as lost_reason,
    listed.outcome,
    listed.pipeline_key,
    listed.last_open_stage_key,
    stages.stage_name as last_open_stage_name,
    listed.owner_key,
    owners.owner_name,
    listed.company_key,
    listed.channel,
    listed.quiet_since as quiet_since_at,
    -- what happened after the as-of, while the night was asking, is as young as can be
    greatest({{ hours_between('listed.quiet_since', 'as_of.data_through') }} / 24, 0) as quiet_days,
    greatest({{ hours_between('listed.created_at', 'as_of.data_through') }} / 24, 0) as age_days,
    listed.booked_amount,
    listed.is_unconverted,
    '{{ var("currency") }}' as currency_code,
    'booked' as amount_basis
from listed
cross join as_of
left join {{ ref('mart_sales__stages') }} as stages on stages.stage_key = listed.last_open_stage_key
left join {{ ref('dim_owners') }} as owners on owners.owner_key = listed.owner_key
