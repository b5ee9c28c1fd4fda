-- The union over the CRMs: a CRM more is a relation more.
{% set columns -%}
    source_system, account, source_quota_id, period_start_date, period_end_date, source_pipeline_id, source_owner_id, quota_amount, currency_code,
    is_deleted, _record_number, _load_number
{%- endset %}
with

versions as (

    select {{ columns }} from {{ ref('int_hubspot__quotas') }}
    union all
    select {{ columns }} from {{ ref('int_pipedrive__quotas') }}
    union all
    select {{ columns }} from {{ ref('int_salesforce__quotas') }}
    union all
    select {{ columns }} from {{ ref('int_files__quotas') }}

)

select
    *,
    {{ stable_key('source_system', 'account', 'source_quota_id') }} as quota_key
from versions
qualify row_number() over (partition by source_system, account, source_quota_id order by _load_number desc, _record_number desc) = 1
