-- What a campaign cost is one sum for its whole life, without dates.
select
    'salesforce' as source_system,
    _account as account,
    campaign_id as source_campaign_id,
    name as campaign_name,
    type as source_channel,
    start_date,
    end_date,
    budgeted_cost as budget_amount,
    actual_cost as spent_amount,
    currency_iso_code as currency_code,
    'https://login.salesforce.com/' || campaign_id as crm_url,
    _is_deleted as is_deleted,
    _record_number,
    _load_number
from {{ ref('stg_salesforce__campaigns') }}
