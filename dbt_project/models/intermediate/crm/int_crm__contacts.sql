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

-- The survivor of a merge names all it swallowed.
survivors as (

    select *
    from versions
    semi join (select source_system, account, source_contact_id from versions where merged_source_ids is not null) as named using (source_system, account, source_contact_id)
    qualify row_number() over (partition by source_system, account, source_contact_id order by _load_number desc, _record_number desc) = 1

),

named as (

    select
        source_system, account, {{ stable_key('source_system', 'account', 'source_contact_id') }} as survivor_key,
        trim(unnest(string_split(merged_source_ids, ';'))) as source_contact_id
    from survivors
    where merged_source_ids is not null

),

losers as (

    select source_system, account, source_contact_id, min(survivor_key) as merged_into_contact_key
    from named
    group by source_system, account, source_contact_id

),

{% if is_incremental() -%}
-- Tonight's, and all that merges are about: a record may say tonight that another one was swallowed.
changed_contacts as (

    select source_system, account, source_contact_id from versions {{ only_new_loads() }}
    union
    select source_system, account, source_contact_id from survivors
    union
    select source_system, account, source_contact_id from losers
    union
    select source_system, account, source_contact_id from {{ this }} where merged_into_contact_key is not null

),

{% endif -%}
entities as (

    select *, {{ stable_key('source_system', 'account', 'source_contact_id') }} as contact_key
    from versions
    {% if is_incremental() %}semi join changed_contacts using (source_system, account, source_contact_id){% endif %}
    qualify row_number() over (partition by source_system, account, source_contact_id order by _load_number desc, _record_number desc) = 1

)

select
    entities.* exclude (is_deleted),
    losers.merged_into_contact_key,
    entities.is_deleted or losers.source_contact_id is not null as is_deleted
from entities
left join losers using (source_system, account, source_contact_id)
