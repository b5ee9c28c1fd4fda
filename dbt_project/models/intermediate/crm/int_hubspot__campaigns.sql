-- The list carries both totals; where an account's list does not, the newest entries of budget and spend do. HubSpot dates the writing of an
-- entry and not the spending, so what was spent on which day is in no row here: the totals stay with the campaign. Its channel is the words
-- that its links are tagged with.
with

budgets as (

    select _account, campaign_id, currency_code, budget_total, spend_total
    from {{ ref('stg_hubspot__campaign_budgets') }}
    qualify row_number() over (partition by _account, campaign_id order by _load_number desc, _record_number desc) = 1

)

select
    'hubspot' as source_system,
    campaign._account as account,
    campaign.campaign_id as source_campaign_id,
    coalesce(campaign.hs_name, 'campaign ' || campaign.campaign_id) as campaign_name,
    regexp_replace(campaign.hs_utm, '-[0-9]{4}-q[1-4]$', '') as source_channel,
    campaign.hs_start_date as start_date,
    campaign.hs_end_date as end_date,
    coalesce(campaign.hs_budget_items_sum_amount, budget.budget_total) as budget_amount,
    coalesce(campaign.hs_spend_items_sum_amount, budget.spend_total) as spent_amount,
    coalesce(campaign.hs_currency_code, budget.currency_code) as currency_code,
    'https://app.hubspot.com/campaigns/' || campaign._account || '/overview/' || campaign.campaign_id as crm_url,
    campaign._is_deleted as is_deleted,
    campaign._record_number,
    campaign._load_number
from {{ ref('stg_hubspot__campaigns') }} as campaign
left join budgets as budget on campaign._account = budget._account and campaign.campaign_id = budget.campaign_id
