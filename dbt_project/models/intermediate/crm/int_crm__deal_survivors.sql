-- A deal that was merged hands its contacts, activities and line items to the survivor, a survivor of a second merge to the next one.
select
    merge.deal_key,
    coalesce(next_merge.merged_into_deal_key, merge.merged_into_deal_key) as survivor_key,
    greatest(merge._load_number, coalesce(next_merge._load_number, 0)) as _load_number
from {{ ref('int_crm__deal_merges') }} as merge
left join {{ ref('int_crm__deal_merges') }} as next_merge
    on merge.merged_into_deal_key = next_merge.deal_key {{ happened_by_then('next_merge.merged_at', 'and') }}
{{ happened_by_then('merge.merged_at') }}
