-- The union over the CRMs: a CRM more is a relation more.
{% set columns -%}
    source_system, account, source_company_id, company_name, industry, country, employee_count, created_at, is_target, customer_lost_at,
    source_referred_by_company_id, crm_url, is_deleted, _record_number,
    _load_number
{%- endset %}
with

versions as (

    select {{ columns }} from {{ ref('int_hubspot__companies') }}
    union all
    select {{ columns }} from {{ ref('int_pipedrive__companies') }}
    union all
    select {{ columns }} from {{ ref('int_salesforce__companies') }}
    union all
    select {{ columns }} from {{ ref('int_files__companies') }}
    union all
    select {{ columns }} from {{ ref('int_tryton__companies') }}

),

losers as (

    select
        source_system, account, source_id as source_company_id, _load_number,
        {{ stable_key('source_system', 'account', 'survivor_source_id') }} as merged_into_company_key
    from {{ ref('int_crm__survivors') }}
    where entity = 'company'

),

-- A company that changed has its newest version among the new rows: nothing older is read. Of one that was merged since, what is held.
changed_versions as (

    select {{ columns }} from versions {{ only_new_loads() }}
    {% if is_incremental() %}
    union all
    select {{ columns }}
    from {{ this }}
    where (source_system, account, source_company_id) in (
        select (source_system, account, source_company_id) from losers {{ only_new_loads() }}
    )
    {% endif %}

),

entities as (

    select *, {{ stable_key('source_system', 'account', 'source_company_id') }} as company_key
    from changed_versions
    qualify row_number() over (partition by source_system, account, source_company_id order by _load_number desc, _record_number desc) = 1

)

select
    entities.* exclude (is_deleted),
    losers.merged_into_company_key,
    entities.is_deleted or losers.source_company_id is not null as is_deleted
from entities
left join losers using (source_system, account, source_company_id)
