-- The union over the CRMs: a CRM more is a relation more.
{% set columns -%}
    source_system, account, source_company_id, company_name, industry, country, employee_count, created_at, is_target, customer_lost_at,
    source_referred_by_company_id, merged_source_ids, crm_url, is_deleted, _record_number,
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

entities as (

    select *, {{ stable_key('source_system', 'account', 'source_company_id') }} as company_key
    from versions
    qualify row_number() over (partition by source_system, account, source_company_id order by _load_number desc, _record_number desc) = 1

),

-- The survivor of a merge names all it swallowed.
named as (

    select source_system, account, company_key as survivor_key, unnest(string_split(merged_source_ids, ';')) as loser_id
    from entities
    where merged_source_ids is not null

),

losers as (

    select {{ stable_key('source_system', 'account', 'trim(loser_id)') }} as company_key, min(survivor_key) as merged_into_company_key
    from named
    group by 1

)

select entities.* exclude (is_deleted), losers.merged_into_company_key, entities.is_deleted or losers.company_key is not null as is_deleted
from entities
left join losers on entities.company_key = losers.company_key
