-- A close is a visit to a won or lost stage: its instant, amount and owner are the visit's, its value the amount at the day's rate.
select
    closes.close_key, closes.deal_key, closes.closed_at, visits.entered_at, closes.booked_amount,
    'mart_sales__closes tells a close otherwise than its visit does, or converts it at another day''s rate.' as likely_cause
from {{ ref('mart_sales__closes') }} as closes
left join {{ ref('fct_deal_stage_visits') }} as visits on visits.visit_key = closes.close_key
left join {{ ref('dim_deals') }} as deals on deals.deal_key = closes.deal_key
left join {{ ref('dim_leads') }} as leads on leads.lead_key = deals.lead_key
left join {{ ref('dim_exchange_rates') }} as rates
    on rates.rate_date = {{ reporting_date('visits.entered_at') }} and rates.from_currency_code = visits.currency_code
    and rates.to_currency_code = '{{ var("currency") }}'
where
    visits.visit_key is null
    or closes.deal_key <> visits.deal_key
    or closes.closed_at <> visits.entered_at
    or closes.closed_date <> {{ reporting_date('visits.entered_at') }}
    or closes.pipeline_key <> visits.pipeline_key
    or closes.stage_key <> visits.stage_key
    or closes.owner_key <> visits.owner_key
    or closes.close_amount is distinct from visits.entry_amount
    or closes.booked_amount is distinct from {{ converted('visits.entry_amount', 'rates.exchange_rate') }}
    or closes.is_unconverted <> (visits.entry_amount is not null and closes.booked_amount is null)
    or closes.is_final <> (visits.exited_at is null)
    or closes.is_removed <> (deals.left_at is not null)
    or closes.close_group <> case visits.stage_kind when 'won' then 'won' else coalesce(deals.lost_group, 'lost') end
    or closes.lost_reason is distinct from case visits.stage_kind when 'lost' then deals.lost_reason end
    or closes.channel <> coalesce(deals.channel, 'unknown')
    or abs(closes.days_from_created - (epoch(visits.entered_at) - epoch(deals.created_at)) / 86400) > 1e-6
    or abs(closes.days_from_lead - (epoch(visits.entered_at) - epoch(leads.created_at)) / 86400) > 1e-6
    or (closes.days_from_lead is null) <> (leads.created_at is null)
union all
select visits.visit_key, visits.deal_key, null, visits.entered_at, null, 'A deal stands won or lost, and its last visit is no close.'
from {{ ref('fct_deal_stage_visits') }} as visits
left join {{ ref('mart_sales__closes') }} as closes on closes.close_key = visits.visit_key
where
    closes.close_key is null and visits.stage_kind <> 'open'
    and (visits.is_current or visits.exit_kind in ('deleted', 'merged'))
    and not exists (
        select 1 from {{ ref('fct_deal_stage_visits') }} as later
        where later.deal_key = visits.deal_key and later.visit_number > visits.visit_number
    )
