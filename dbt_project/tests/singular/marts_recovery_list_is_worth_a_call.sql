-- On the list stand all dormant deals, and lost ones that nobody disqualified, whose company has not bought since.
with wins as (

    select deals.company_key, visits.entered_at as won_at
    from {{ ref('fct_deal_stage_visits') }} as visits
    inner join {{ ref('dim_deals') }} as deals on deals.deal_key = visits.deal_key
    where visits.stage_kind = 'won' and visits.is_current and deals.company_key <> {{ unknown_key() }}

)

select
    listed.deal_key, listed.list_kind, outcomes.outcome,
    'A deal is on the recovery list that should not be, or is missing: look at mart_sales__recovery_list.' as likely_cause
from {{ ref('mart_sales__deal_outcomes') }} as outcomes
full join {{ ref('mart_sales__recovery_list') }} as listed on listed.deal_key = outcomes.deal_key
where outcomes.deal_key is null
    or outcomes.is_dormant <> coalesce(listed.list_kind = 'dormant', false)
    or (listed.list_kind = 'lost' and outcomes.outcome not in ('lost', 'no_decision'))
    or (listed.list_kind = 'lost' and exists (
        select 1 from wins where wins.company_key = listed.company_key and wins.won_at > outcomes.outcome_at))
    or (listed.deal_key is null and outcomes.outcome in ('lost', 'no_decision') and not exists (
        select 1 from {{ ref('dim_deals') }} as mine
        inner join {{ ref('dim_deals') }} as later on later.company_key = mine.company_key and later.created_at > outcomes.outcome_at
        where mine.deal_key = outcomes.deal_key) and not exists (
        select 1 from {{ ref('dim_deals') }} as mine
        inner join wins on wins.company_key = mine.company_key and wins.won_at > outcomes.outcome_at
        where mine.deal_key = outcomes.deal_key))
    or listed.quiet_days < 0
    or abs(listed.age_days - greatest({{ hours_between('outcomes.created_at', "(select max(warehouse_data_through) from " ~ ref('dim_sources') ~ ")") }} / 24, 0)) > 1e-6
    or listed.age_days < listed.quiet_days - 1e-6
