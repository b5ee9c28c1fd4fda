-- The union over the CRMs that tell which deals were created, won and lost in a period: a CRM more is a relation more.
select source_system, account, pipeline_key, start_date, end_date, movement, deal_key, source_deal_id
from {{ ref('int_pipedrive__stated_movements') }}
