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

-- The survivor of a merge names all it swallowed.
survivors as (

    select *
    from versions
    semi join (select source_system, account, source_company_id from versions where merged_source_ids is not null) as named using (source_system, account, source_company_id)
    qualify row_number() over (partition by source_system, account, source_company_id order by _load_number desc, _record_number desc) = 1

),

named as (

    select
        source_system, account, {{ stable_key('source_system', 'account', 'source_company_id') }} as survivor_key,
        trim(unnest(string_split(merged_source_ids, ';'))) as source_company_id
    from survivors
    where merged_source_ids is not null

),

losers as (

    select source_system, account, source_company_id, min(survivor_key) as merged_into_company_key
    from named
    group by source_system, account, source_company_id

),

{% if is_incremental() -%}
-- Tonight's, and all that merges are about: a record may say tonight that another one was swallowed.
changed_companies as (

    select source_system, account, source_company_id from versions {{ only_new_loads() }}
    union
    select source_system, account, source_company_id from survivors
    union
    select source_system, account, source_company_id from losers
    union
    select source_system, account, source_company_id from {{ this }} where merged_into_company_key is not null

),

{% endif -%}
entities as (

    select *, {{ stable_key('source_system', 'account', 'source_company_id') }} as company_key
    from versions
    {% if is_incremental() %}semi join changed_companies using (source_system, account, source_company_id){% endif %}
    qualify row_number() over (partition by source_system, account, source_company_id order by _load_number desc, _record_number desc) = 1

)

select
    entities.* exclude (is_deleted),
    losers.merged_into_company_key,
    entities.is_deleted or losers.source_company_id is not null as is_deleted
from entities
left join losers using (source_system, account, source_company_id)
