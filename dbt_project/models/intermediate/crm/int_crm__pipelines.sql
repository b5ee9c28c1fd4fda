-- The union over the CRMs: a CRM more is a relation more.
{% set columns = 'source_system, account, source_pipeline_id, pipeline_name, is_deleted, _extracted_at, _record_number, _load_number' %}
with

versions as (

    select {{ columns }} from {{ ref('int_hubspot__pipelines') }}
    union all
    select {{ columns }} from {{ ref('int_pipedrive__pipelines') }}
    union all
    select {{ columns }} from {{ ref('int_salesforce__pipelines') }}
    union all
    select {{ columns }} from {{ ref('int_files__pipelines') }}
    union all
    select {{ columns }} from {{ ref('int_tryton__pipelines') }}

)

select *
from versions
qualify row_number() over (partition by source_system, account, source_pipeline_id order by _load_number desc, _record_number desc) = 1
