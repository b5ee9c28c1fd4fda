-- Numerators are subsets of their denominators, deal by deal and asked of the facts: what closed or leaked was created before, in the
-- cohorts too; what reached won or lost in the cohorts did so in the ledger.
with created as (

    select deals.deal_key, deals.created_at, outcomes.deal_status
    from {{ ref('dim_deals') }} as deals
    inner join {{ ref('mart_sales__deal_outcomes') }} as outcomes on outcomes.deal_key = deals.deal_key

),

numerators as (

    select 'closes' as numerator, deal_key, closed_at as counted_at
    from {{ ref('mart_sales__closes') }}
    union all
    select 'leaks', deal_key, left_at
    from {{ ref('mart_sales__leaks') }}

),

closed_in_the_ledger as (

    select distinct deal_key
    from {{ ref('fct_deal_stage_visits') }}
    where stage_kind in ('won', 'lost')

)

select
    numerators.numerator, numerators.deal_key, numerators.counted_at, created.created_at,
    'A deal counts in the numerator and not, or not yet, in the denominator: it was lost from dim_deals or the cohorts, or closed before its creation.'
        as likely_cause
from numerators
left join created on created.deal_key = numerators.deal_key
where created.deal_key is null or created.created_at > numerators.counted_at

union all

select
    'cohort ' || created.deal_status, created.deal_key, null, created.created_at,
    'A cohort counts the deal as won or lost, and the ledger has no visit to a closed stage: its last move was lost.'
from created
left join closed_in_the_ledger on closed_in_the_ledger.deal_key = created.deal_key
where created.deal_status in ('won', 'lost') and closed_in_the_ledger.deal_key is null
