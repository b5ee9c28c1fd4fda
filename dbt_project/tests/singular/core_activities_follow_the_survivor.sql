-- An activity stands with the deal it names, or, where that one was merged away, with a deal that was not.
select
    activity.activity_key, activity.source_activity_id, activity.deal_key,
    'The activity stands with another deal than its record names, or still with one that was merged into another.' as likely_cause
from {{ ref('fct_activities') }} as activity
inner join {{ ref('int_crm__activities') }} as record on record.activity_key = activity.activity_key
left join {{ ref('int_crm__deal_merges') }} as merge
    on merge.deal_key = {{ ordered_key('record.source_system', 'record.account', 'record.source_deal_id') }}
left join {{ ref('int_crm__deal_merges') }} as next_merge on next_merge.deal_key = merge.merged_into_deal_key
where activity.deal_key is distinct from coalesce(
    next_merge.merged_into_deal_key, merge.merged_into_deal_key, {{ ordered_key('record.source_system', 'record.account', 'record.source_deal_id') }}
)
