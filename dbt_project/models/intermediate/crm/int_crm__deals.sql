-- Whatever changes a deal (its record, its history, a merge that names it) passes through here: every model further on asks this one which
-- deals are new tonight.
with

changed_deals as (

    select deal_key, max(_load_number) as newest_load
    from (
        select deal_key, _load_number from {{ ref('int_crm__deal_versions') }} {{ only_new_loads() }}
        union all
        select deal_key, _load_number from {{ ref('int_crm__deal_history') }} {{ only_new_loads() }}
        union all
        select deal_key, _load_number from {{ ref('int_crm__deal_merges') }} {{ only_new_loads() }}
        union all
        -- A stage that was listed only after the deal was seen in it.
        select version.deal_key, stage._first_load_number as _load_number
        from {{ ref('int_crm__deal_versions') }} as version
        inner join (
            select distinct source_system, account, source_pipeline_id, source_stage_id, _first_load_number from {{ ref('int_crm__stages') }}
        ) as stage using (source_system, account, source_pipeline_id, source_stage_id)
        {% if is_incremental() %}where stage._first_load_number > {{ newest_load() }}{% endif %}
        union all
        -- A source that began to tell the moves after the deal was seen.
        select version.deal_key, told.first_load_number
        from {{ ref('int_crm__deal_versions') }} as version
        inner join {{ ref('int_crm__told_moves') }} as told using (source_system, account)
        {% if is_incremental() %}where told.first_load_number > {{ newest_load() }}{% endif %}
    )
    group by deal_key

),

versions as (

    select
        version.*,
        changed_deals.newest_load,
        first_value(version._run_id) over deal_versions as first_run_id,
        first_value(version._extracted_at) over deal_versions as first_seen_at,
        first_value({{ tracked_values('version') }}) over deal_versions as first_values,
        max(case when not version.is_deleted then version._extracted_at end) over (partition by version.deal_key) as last_seen_live_at,
        min((version.source_pipeline_id, version.source_stage_id)) over every_version
        = max((version.source_pipeline_id, version.source_stage_id)) over every_version as was_seen_in_one_stage
    from {{ ref('int_crm__deal_versions') }} as version
    inner join changed_deals on version.deal_key = changed_deals.deal_key
    window
        deal_versions as (partition by version.deal_key order by version._load_number, version._record_number),
        every_version as (partition by version.deal_key)
    qualify row_number() over (partition by version.deal_key order by version._load_number desc, version._record_number desc) = 1

),

-- Where the source gives the value before each change, one row is enough to know the stage from the creation on.
stage_histories as (

    select
        history.deal_key,
        min(history.changed_at) as stage_known_from,
        -- Asked as a truth: arg_min() steps over nulls.
        arg_min(history.value_before is not null, (history.changed_at, history.sequence, history._record_number)) as tells_the_beginning
    from {{ ref('int_crm__deal_history') }} as history
    inner join changed_deals on history.deal_key = changed_deals.deal_key
    where history.field = 'stage' and history.retracted_at is null
    group by history.deal_key

)

select
    version.deal_key,
    version.source_system,
    version.account,
    version.source_deal_id,
    version.deal_name,
    version.source_pipeline_id,
    version.source_stage_id,
    version.deal_amount,
    version.currency_code,
    version.recurring_amount,
    version.discount_amount,
    version.promised_value_amount,
    version.achieved_value_amount,
    version.expected_close_date,
    version.source_owner_id,
    version.source_company_id,
    version.source_contact_id,
    version.source_lead_id,
    version.lost_reason,
    version.source_channel,
    version.lead_direction,
    version.product_line,
    least(version.created_at, coalesce(stage.stage_known_from, version.created_at)) as created_at,
    case
        when stage.tells_the_beginning then least(version.created_at, stage.stage_known_from)
        -- it never moved; one with a closing date and no move closed in a way that nobody told
        when
            stage.deal_key is null and told.account is not null and version.was_seen_in_one_stage and version.stated_closed_at is null
            then version.created_at
        else coalesce(stage.stage_known_from, version.first_seen_at)
    end as history_complete_from,
    version.crm_url,
    version.is_deleted,
    merge.merged_at,
    merge.change_source as merge_source,
    merge.merged_into_deal_key,
    merge.first_run_id as merge_run_id,
    merge.first_seen_at as merge_seen_at,
    version.first_run_id,
    version.first_seen_at,
    version.first_values,
    version.last_seen_live_at,
    version.newest_load as _load_number
from versions as version
left join stage_histories as stage on version.deal_key = stage.deal_key
left join {{ ref('int_crm__deal_merges') }} as merge on version.deal_key = merge.deal_key
left join {{ ref('int_crm__told_moves') }} as told on version.source_system = told.source_system and version.account = told.account
-- Deals of one time lie together: a night opens the parts with its own only.
order by version.deal_key
