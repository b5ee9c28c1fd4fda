-- HubSpot lists the stages inside their pipeline: a stage that a later listing lacks was removed, and gets a version that says so.
with

listings as (

    select *, _load_number * 1000000000 + _record_number as version_number
    from {{ ref('stg_hubspot__deal_pipelines') }}

),

stages_as_json as (

    select _account, pipeline_id, version_number, _is_deleted or archived as pipeline_is_deleted, unnest(stages) as stage
    from listings

),

listed as (

    select
        _account,
        pipeline_id,
        version_number,
        stage ->> '$.id' as stage_id,
        stage ->> '$.label' as label,
        try_cast(stage ->> '$.displayOrder' as bigint) as display_order,
        coalesce(try_cast(stage ->> '$.metadata.isClosed' as boolean), false) as is_closed,
        try_cast(stage ->> '$.metadata.probability' as double) as probability,
        pipeline_is_deleted or coalesce(try_cast(stage ->> '$.archived' as boolean), false) as is_deleted
    from stages_as_json

),

ever_listed as (

    select _account, pipeline_id, stage_id, min(version_number) as first_version
    from listed
    group by _account, pipeline_id, stage_id

),

versions as (

    select
        listing._account,
        listing.pipeline_id,
        stage.stage_id,
        last_value(listed.label ignore nulls) over stage_versions as label,
        last_value(listed.display_order ignore nulls) over stage_versions as display_order,
        last_value(listed.is_closed ignore nulls) over stage_versions as is_closed,
        last_value(listed.probability ignore nulls) over stage_versions as probability,
        coalesce(listed.is_deleted, true) as is_deleted,
        listing._extracted_at,
        listing._record_number,
        listing._load_number
    from listings as listing
    inner join ever_listed as stage
        on listing._account = stage._account and listing.pipeline_id = stage.pipeline_id and listing.version_number >= stage.first_version
    left join listed
        on listing._account = listed._account and listing.pipeline_id = listed.pipeline_id
        and listing.version_number = listed.version_number and stage.stage_id = listed.stage_id
    window stage_versions as (partition by listing._account, listing.pipeline_id, stage.stage_id order by listing.version_number)

)

select
    'hubspot' as source_system,
    _account as account,
    pipeline_id as source_pipeline_id,
    stage_id as source_stage_id,
    label as stage_name,
    display_order as stage_order,
    case when is_closed and probability = 1 then 'won' when is_closed then 'lost' else 'open' end as stage_kind,
    cast(null as boolean) as is_active_stage,
    cast(null as varchar) as funnel_step,
    probability as default_probability,
    is_deleted,
    _extracted_at,
    _record_number,
    _load_number
from versions
