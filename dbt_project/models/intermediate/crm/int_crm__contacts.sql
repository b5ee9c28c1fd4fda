-- The union over the CRMs: a CRM more is a relation more.
{% set columns -%}
    source_system, account, source_contact_id, source_company_id, full_name, email, phone, legal_basis, consent_at, consent_withdrawn_at, created_at,
    merged_source_ids, crm_url, is_deleted, _record_number,
    _load_number
{%- endset %}
with

versions as (

    select {{ columns }} from {{ ref('int_hubspot__contacts') }}
    union all
    select {{ columns }} from {{ ref('int_pipedrive__contacts') }}
    union all
    select {{ columns }} from {{ ref('int_salesforce__contacts') }}
    union all
    select {{ columns }} from {{ ref('int_files__contacts') }}
    union all
    select {{ columns }} from {{ ref('int_tryton__contacts') }}

),

entities as (

    select *, {{ stable_key('source_system', 'account', 'source_contact_id') }} as contact_key
    from versions
    qualify row_number() over (partition by source_system, account, source_contact_id order by _load_number desc, _record_number desc) = 1

),

-- The survivor of a merge names all it swallowed.
named as (

    select source_system, account, contact_key as survivor_key, unnest(string_split(merged_source_ids, ';')) as loser_id
    from entities
    where merged_source_ids is not null

),

losers as (

    select {{ stable_key('source_system', 'account', 'trim(loser_id)') }} as contact_key, min(survivor_key) as merged_into_contact_key
    from named
    group by 1

)

select entities.* exclude (is_deleted), losers.merged_into_contact_key, entities.is_deleted or losers.contact_key is not null as is_deleted
from entities
left join losers on entities.contact_key = losers.contact_key
