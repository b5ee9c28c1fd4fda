-- The union over the CRMs that date the entry into a stage apart from their history: a CRM more is a relation more.
select
    source_system, account, deal_key, source_deal_id, source_stage_id, entered_at, exited_at, stated_at, is_history_possibly_cut
from {{ ref('int_hubspot__stage_entries') }}
