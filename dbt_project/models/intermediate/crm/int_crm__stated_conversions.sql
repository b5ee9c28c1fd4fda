-- The union over the CRMs that tell how often deals went from one stage to another: a CRM more is a relation more.
select source_system, account, pipeline_key, owner_key, from_stage_key, to_stage_key, start_date, end_date, conversion_rate
from {{ ref('int_pipedrive__stated_conversions') }}
