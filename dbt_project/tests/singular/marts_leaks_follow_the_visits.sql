-- A leak is a visit to an open stage that ended lost, deleted or merged: its stage, instant and amount are those of the visit's end.
with later as (

    select visits.visit_key, max(later.visit_number) as later_number
    from {{ ref('fct_deal_stage_visits') }} as visits
    inner join {{ ref('fct_deal_stage_visits') }} as later
        on later.deal_key = visits.deal_key and later.visit_number > visits.visit_number and later.stage_kind in ('open', 'won')
    group by visits.visit_key

)

select
    leaks.leak_key, leaks.deal_key, leaks.left_at, leaks.leak_group, leaks.last_amount, leaks.maximum_amount,
    'mart_sales__leaks tells a leak otherwise than the visit that it ended, or the highest amount lies below the last one.' as likely_cause
from {{ ref('mart_sales__leaks') }} as leaks
left join {{ ref('fct_deal_stage_visits') }} as visits on visits.visit_key = leaks.leak_key
left join {{ ref('dim_deals') }} as deals on deals.deal_key = leaks.deal_key
left join later on later.visit_key = leaks.leak_key
left join {{ ref('dim_exchange_rates') }} as rates
    on rates.rate_date = {{ reporting_date('leaks.left_at') }} and rates.from_currency_code = leaks.deal_currency_code
    and rates.to_currency_code = '{{ var("currency") }}'
where
    visits.visit_key is null
    or leaks.deal_key <> visits.deal_key
    or leaks.pipeline_key <> visits.pipeline_key
    or leaks.left_date <> {{ reporting_date('leaks.left_at') }}
    or leaks.left_at <> case when visits.stage_kind = 'open' then visits.exited_at else visits.entered_at end
    or leaks.last_open_stage_key is distinct from case when visits.stage_kind = 'open' then visits.stage_key end
    or leaks.last_amount is distinct from case when visits.stage_kind = 'open' then visits.exit_amount else visits.entry_amount end
    or leaks.deal_currency_code is distinct from case when visits.stage_kind = 'open' then visits.exit_currency_code else visits.currency_code end
    or leaks.leak_group is distinct from
        case when visits.exit_kind in ('deleted', 'merged') and visits.stage_kind = 'open' then visits.exit_kind else coalesce(deals.lost_group, 'lost') end
    or leaks.lost_reason <> case when leaks.leak_group in ('deleted', 'merged') then 'none' else coalesce(deals.lost_reason, 'unknown') end
    or leaks.channel <> coalesce(deals.channel, 'unknown')
    or leaks.lead_direction <> coalesce(deals.lead_direction, 'unknown')
    or leaks.has_come_back <> (later.later_number is not null)
    or leaks.exchange_rate is distinct from rates.exchange_rate
    or leaks.maximum_amount < leaks.last_amount
    or (leaks.maximum_amount is null and leaks.last_amount is not null)
union all
select visits.visit_key, visits.deal_key, visits.exited_at, visits.exit_kind, null, null, 'A deal left its stage, and nothing of it is among the leaks.'
from {{ ref('fct_deal_stage_visits') }} as visits
left join {{ ref('mart_sales__leaks') }} as leaks on leaks.leak_key = visits.visit_key
where
    leaks.leak_key is null
    and (visits.stage_kind = 'open' and visits.exit_kind in ('lost', 'deleted', 'merged')
        or visits.stage_kind = 'lost' and visits.visit_number = 1)
