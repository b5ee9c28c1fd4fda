-- A loser has one survivor: the first that named it. Where it is known from the survivor (HubSpot) or from the loser's own record (files).
with

merges as (

    select
        'hubspot' as source_system, _account as account, loser_deal_id as source_deal_id, survivor_deal_id as merged_into_source_deal_id,
        merged_at, 'crm_history' as change_source, _run_id, _extracted_at, _load_number
    from {{ ref('int_hubspot__deal_merges') }}
    union all
    select
        'files', _account, deal_id, merged_into_deal_id, coalesce(deleted_at, _source_updated_at, _extracted_at),
        case when deleted_at is null then 'observed' else 'crm_history' end, _run_id, _extracted_at,
        _load_number
    from {{ ref('stg_files__deals') }}
    where merged_into_deal_id is not null

)

select
    {{ ordered_key('source_system', 'account', 'source_deal_id') }} as deal_key,
    {{ ordered_key('source_system', 'account', 'merged_into_source_deal_id') }} as merged_into_deal_key,
    merged_at,
    change_source,
    _run_id as first_run_id,
    _extracted_at as first_seen_at,
    _load_number
from merges
qualify row_number() over (partition by source_system, account, source_deal_id order by _load_number, merged_at) = 1
