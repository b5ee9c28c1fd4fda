-- What the CRM keeps no history of is seen as a difference between two loaded versions; the first version stands for the creation.
with

changed_deals as (

    select
        deal_key, created_at, _load_number as newest_load
    from {{ ref('int_crm__deals') }}
    {{ only_new_loads() }}

),

recorded_fields as (

    select distinct history.deal_key, history.field
    from {{ ref('int_crm__deal_history') }} as history
    inner join changed_deals on history.deal_key = changed_deals.deal_key

),

versions as (

    select
        version.deal_key,
        version.source_system,
        version.account,
        version.source_pipeline_id,
        changed_deals.created_at,
        changed_deals.newest_load,
        version._load_number * 1000000000 + version._record_number as version_number,
        version._run_id,
        version._extracted_at,
        version._source_updated_at,
        version.stated_closed_at,
        version.removed_at,
        stage.stage_kind,
        unnest(list_append({{ tracked_fields() }}, 'status')) as field,
        unnest(list_append({{ tracked_values('version') }}, case when version.is_deleted then 'deleted' else 'live' end)) as value
    from {{ ref('int_crm__deal_versions') }} as version
    inner join changed_deals on version.deal_key = changed_deals.deal_key
    left join {{ ref('int_crm__stages') }} as stage
        on version.source_system = stage.source_system and version.account = stage.account
        and version.source_pipeline_id = stage.source_pipeline_id and version.source_stage_id = stage.source_stage_id
        and version._extracted_at >= stage.valid_from and version._extracted_at < stage.valid_to

),

differences as (

    select
        versions.*,
        lag(value) over field_versions as value_before,
        lag(_extracted_at) over field_versions as seen_before_at,
        row_number() over field_versions as sequence
    from versions
    anti join recorded_fields using (deal_key, field)
    window field_versions as (partition by deal_key, field order by version_number)
    qualify sequence = 1 or value is distinct from value_before

),

-- The CRM's own instant counts where it can be the instant of this change: after the version before, not after this one.
dated as (

    select
        *,
        case
            when field = 'status' and value = 'deleted' then coalesce(removed_at, _extracted_at)
            when sequence = 1 then created_at
            when stage_kind in ('won', 'lost') and field = 'stage' and stated_closed_at > seen_before_at and stated_closed_at <= _extracted_at
                then stated_closed_at
            when _source_updated_at > seen_before_at and _source_updated_at <= _extracted_at then _source_updated_at
            else _extracted_at
        end as changed_at
    from differences

),

-- Closed when first seen, with a closing date and nothing on the way there: it began in the pipeline's first open stage.
closed_unseen as (

    select dated.*, first_open.source_stage_id as first_open_stage_id
    from dated
    inner join {{ ref('int_crm__stages') }} as first_open
        on dated.source_system = first_open.source_system and dated.account = first_open.account
        and dated.source_pipeline_id = first_open.source_pipeline_id
        and dated.created_at >= first_open.valid_from and dated.created_at < first_open.valid_to
    where
        dated.field = 'stage' and dated.sequence = 1 and dated.stage_kind in ('won', 'lost') and dated.stated_closed_at is not null
        and first_open.stage_kind = 'open' and not first_open.is_deleted
        and (first_open.is_first_listing or first_open.first_seen_at <= dated.created_at)
    qualify row_number() over (partition by dated.deal_key order by first_open.stage_order, first_open.source_stage_id) = 1

)

select
    dated.deal_key,
    dated.field,
    coalesce(closed_unseen.first_open_stage_id, dated.value) as value,
    dated.changed_at,
    -- Every other number: room for the closing of a deal that was closed when first seen.
    2 * dated.sequence as sequence,
    case
        when dated.field = 'status' and dated.value = 'deleted' then case when dated.removed_at is null then 'observed' else 'crm_history' end
        when dated.sequence = 1 then 'inferred'
        else 'observed'
    end as change_source,
    dated._run_id as first_run_id,
    dated._extracted_at as first_seen_at,
    dated.newest_load as _load_number
from dated
left join closed_unseen using (deal_key, field, sequence)
where dated.sequence > 1 or dated.value is not null
union all
select
    deal_key, field, value, greatest(stated_closed_at, created_at), 2 * sequence + 1, 'inferred', _run_id, _extracted_at, newest_load
from closed_unseen
union all
-- Deleted when first seen: it lived before.
select deal_key, field, 'live', created_at, 0, 'inferred', _run_id, _extracted_at, newest_load
from dated
where field = 'status' and sequence = 1 and value = 'deleted'
-- as in int_crm__deals
order by deal_key
