-- A figure that is missing has one of the reasons that are documented, and one that is there has none; kinds and states are of their lists too.
with told as (

    select 'mart_customers__unit_economics' as mart, cost_missing_reason as word from {{ ref('mart_customers__unit_economics') }}
    union
    select 'mart_customers__value_delivered', payment_missing_reason from {{ ref('mart_customers__value_delivered') }}
    union
    select 'mart_marketing__lead_quality', fitting_missing_reason from {{ ref('mart_marketing__lead_quality') }}
    union
    select 'mart_marketing__cost_per_lead', cost_missing_reason from {{ ref('mart_marketing__cost_per_lead') }}
    union
    select 'mart_marketing__romi', romi_reason from {{ ref('mart_marketing__romi') }}
    union
    select 'mart_sales__capacity', missing_reason from {{ ref('mart_sales__capacity') }}
    union
    select 'mart_sales__coverage', missing_reason from {{ ref('mart_sales__coverage') }}
    union
    select 'mart_sales__velocity', velocity_missing_reason from {{ ref('mart_sales__velocity') }}
    union
    select 'mart_sales__what_if', missing_reason from {{ ref('mart_sales__what_if') }}

)

select
    mart, word, 'A reason is none of the documented ones, or a figure that is there has one: look at the mart named.' as likely_cause
from told
where word not in (
    'already_won', 'no_amount', 'no_attraction_costs', 'no_capacity', 'no_capacity_of_one', 'no_company', 'no_costs', 'no_criteria', 'no_customers_to_keep', 'no_days',
    'no_exchange_rate', 'no_leads', 'no_line', 'no_new_customers', 'no_payments', 'no_period_before', 'no_purchase', 'no_quota', 'no_retention_costs', 'no_sales_costs', 'no_spend', 'no_week_before', 'nothing_reached_the_next_step',
    'nothing_won', 'quota_of_zero', 'spend_did_not_rise', 'week_to_come'
)

union all

select 'mart_marketing__cost_per_lead', cast(period_start as varchar), 'The cost of a lead has a reason to be missing and is there, or is missing without one.'
from {{ ref('mart_marketing__cost_per_lead') }}
where (cost_per_lead is null) <> (cost_missing_reason is not null)

union all

select 'mart_marketing__romi', cast(period_start as varchar), 'The return has a reason to be missing and is there, or is missing without one.'
from {{ ref('mart_marketing__romi') }}
where (romi is null) <> (romi_reason is not null)

union all

select 'mart_sales__capacity', cast(week_start as varchar), 'A seller''s week has both rates and a reason for their absence, or the reason is not the one that fits.'
from {{ ref('mart_sales__capacity') }}
where (active_deal_rate is not null and meeting_rate is not null and missing_reason is not null)
    or (missing_reason = 'no_capacity' and (active_deal_capacity is not null or meeting_capacity is not null))
    or (active_deal_capacity is null and meeting_capacity is null and missing_reason is distinct from 'no_capacity')
