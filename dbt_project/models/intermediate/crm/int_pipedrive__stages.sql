-- Besides the stages that Pipedrive lists, every pipeline has two more, won and lost, which are a deal's status there: known from the
-- pipeline's first listing of stages on, gone with the pipeline.
with

closings as (

    select 'won' as stage_id, 'Won' as name, 1000001 as order_nr, 1.0 as probability
    union all
    select 'lost', 'Lost', 1000002, 0.0

),

first_listings as (

    select _account, pipeline_id, min(_extracted_at) as _extracted_at, min(_load_number) as _load_number
    from {{ ref('stg_pipedrive__stages') }}
    group by _account, pipeline_id

),

listings as (

    select
        _account, pipeline_id, stage_id, name, order_nr, 'open' as stage_kind, deal_probability / 100 as probability,
        _is_deleted or is_deleted as is_deleted, _extracted_at, _record_number, _load_number
    from {{ ref('stg_pipedrive__stages') }}
    union all
    select
        listing._account, listing.pipeline_id, closing.stage_id, closing.name, closing.order_nr, closing.stage_id, closing.probability,
        false, listing._extracted_at, closing.order_nr, listing._load_number
    from first_listings as listing
    cross join closings as closing
    union all
    select
        pipeline._account, pipeline.pipeline_id, closing.stage_id, closing.name, closing.order_nr, closing.stage_id, closing.probability,
        true, pipeline._extracted_at, closing.order_nr, pipeline._load_number
    from {{ ref('stg_pipedrive__pipelines') }} as pipeline
    cross join closings as closing
    where pipeline._is_deleted or pipeline.is_deleted

)

select
    'pipedrive' as source_system,
    _account as account,
    pipeline_id as source_pipeline_id,
    stage_id as source_stage_id,
    name as stage_name,
    order_nr as stage_order,
    stage_kind,
    cast(null as boolean) as is_active_stage,
    cast(null as varchar) as funnel_step,
    probability as default_probability,
    is_deleted,
    _extracted_at,
    _record_number,
    _load_number
from listings
