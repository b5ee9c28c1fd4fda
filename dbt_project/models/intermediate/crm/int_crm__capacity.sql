-- The union over the CRMs: a CRM more is a relation more.
{% set columns -%}
    source_system, account, source_capacity_id, source_owner_id, week_start_date, meeting_count, active_deal_count, is_deleted, _record_number, _load_number
{%- endset %}
with

versions as (

    select {{ columns }} from {{ ref('int_files__capacity') }}

)

select
    *,
    {{ stable_key('source_system', 'account', 'source_capacity_id') }} as capacity_key
from versions
qualify row_number() over (partition by source_system, account, source_capacity_id order by _load_number desc, _record_number desc) = 1
