-- The union over the CRMs: a CRM more is a relation more.
{% set columns -%}
    source_system, account, source_owner_id, owner_name, email, team_name, is_deleted, _record_number,
    _load_number
{%- endset %}
with

versions as (

    select {{ columns }} from {{ ref('int_hubspot__owners') }}
    union all
    select {{ columns }} from {{ ref('int_pipedrive__owners') }}
    union all
    select {{ columns }} from {{ ref('int_salesforce__owners') }}
    union all
    select {{ columns }} from {{ ref('int_files__owners') }}
    union all
    select {{ columns }} from {{ ref('int_tryton__owners') }}

)

select
    *,
    {{ stable_key('source_system', 'account', 'source_owner_id') }} as owner_key
from versions
qualify row_number() over (partition by source_system, account, source_owner_id order by _load_number desc, _record_number desc) = 1
