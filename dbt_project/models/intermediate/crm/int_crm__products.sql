-- The union over the CRMs: a CRM more is a relation more.
{% set columns -%}
    source_system, account, source_product_id, product_name, product_line, is_deleted, _record_number, _load_number
{%- endset %}
with

versions as (

    select {{ columns }} from {{ ref('int_hubspot__products') }}
    union all
    select {{ columns }} from {{ ref('int_pipedrive__products') }}
    union all
    select {{ columns }} from {{ ref('int_salesforce__products') }}
    union all
    select {{ columns }} from {{ ref('int_files__products') }}
    union all
    -- A product that a line item names and nobody lists (any more) has no name of its own; its list, when it comes, is the newer version.
    select distinct source_system, account, source_product_id, 'unknown', cast(null as varchar), true, 0, 0
    from {{ ref('int_crm__deal_line_items') }}
    where source_product_id is not null

)

select
    *,
    {{ stable_key('source_system', 'account', 'source_product_id') }} as product_key
from versions
qualify row_number() over (partition by source_system, account, source_product_id order by _load_number desc, _record_number desc) = 1
