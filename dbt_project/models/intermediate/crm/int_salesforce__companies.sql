-- The loser of a merge names its master; the union wants the losers named by the survivor.
with

losers as (

    select _account, master_record_id as account_id, string_agg(distinct account_id, ';' order by account_id) as merged_source_ids
    from {{ ref('stg_salesforce__accounts') }}
    where master_record_id is not null
    group by _account, master_record_id

)

select
    'salesforce' as source_system,
    account._account as account,
    account.account_id as source_company_id,
    account.name as company_name,
    account.industry,
    account.billing_country as country,
    account.number_of_employees as employee_count,
    account.created_date as created_at,
    account.is_target,
    cast(null as timestamp) as customer_lost_at,
    cast(null as varchar) as source_referred_by_company_id,
    losers.merged_source_ids,
    'https://login.salesforce.com/' || account.account_id as crm_url,
    account._is_deleted as is_deleted,
    account._record_number,
    account._load_number
from {{ ref('stg_salesforce__accounts') }} as account
left join losers on account._account = losers._account and account.account_id = losers.account_id
