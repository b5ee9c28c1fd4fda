-- Ranks belong to a moment: whenever any stage of a pipeline changes, all its stages are ranked anew among those listed then.
{% set columns -%}
    source_system, account, source_pipeline_id, source_stage_id, stage_name, stage_order, stage_kind, is_active_stage, funnel_step,
    default_probability, is_deleted, _extracted_at, _record_number, _load_number
{%- endset %}
with

listings as (

    select {{ columns }} from {{ ref('int_hubspot__stages') }}
    union all
    select {{ columns }} from {{ ref('int_pipedrive__stages') }}
    union all
    select {{ columns }} from {{ ref('int_salesforce__stages') }}
    union all
    select {{ columns }} from {{ ref('int_files__stages') }}
    union all
    select {{ columns }} from {{ ref('int_tryton__stages') }}

),

versions as (

    select
        *,
        _extracted_at = min(_extracted_at) over (partition by source_system, account, source_pipeline_id) as is_first_listing,
        row_number() over stage_versions as version_number,
        coalesce(lead(_extracted_at) over stage_versions, {{ end_of_time() }}) as seen_until,
        min(_extracted_at) over (partition by source_system, account, source_pipeline_id, source_stage_id) as first_seen_at
    from listings
    window stage_versions as (partition by source_system, account, source_pipeline_id, source_stage_id order by _load_number, _record_number)

),

moments as (

    select distinct
        source_system, account, source_pipeline_id, case when is_first_listing then {{ beginning_of_time() }} else _extracted_at end as moment
    from versions

),

-- What each stage was at each moment; before a stage was first seen, what it was then.
states as (

    select
        moment.moment,
        version.*,
        not version.is_deleted and (version.is_first_listing or version.first_seen_at <= moment.moment or version.pipeline_began) as is_listed
    from moments as moment
    inner join (
        select *, first_seen_at = min(first_seen_at) over (partition by source_system, account, source_pipeline_id) as pipeline_began
        from versions
    ) as version
        on moment.source_system = version.source_system and moment.account = version.account
        and moment.source_pipeline_id = version.source_pipeline_id
        and (moment.moment >= version._extracted_at or version.version_number = 1) and moment.moment < version.seen_until

),

ranked as (

    select
        state.*,
        count(*) filter (where is_listed and stage_kind = 'open') over (partition by source_system, account, source_pipeline_id, moment) as open_count,
        count(*) filter (where is_listed and stage_kind = 'open') over (
            partition by source_system, account, source_pipeline_id, moment order by stage_order, source_stage_id
        ) as open_count_so_far
    from states as state

),

described as (

    select
        *,
        case stage_kind when 'open' then greatest(open_count_so_far, 1) when 'won' then open_count + 1 end as open_rank
    from ranked

),

changed as (

    select
        *,
        lag(struct_pack(stage_name, stage_order, stage_kind, is_active_stage, funnel_step, default_probability, is_deleted, open_rank))
            over stage_moments as before,
        struct_pack(stage_name, stage_order, stage_kind, is_active_stage, funnel_step, default_probability, is_deleted, open_rank) as now
    from described
    window stage_moments as (partition by source_system, account, source_pipeline_id, source_stage_id order by moment)
    qualify before is distinct from now

)

select
    source_system,
    account,
    source_pipeline_id,
    source_stage_id,
    {{ stable_key('source_system', 'account', "source_pipeline_id || '|' || source_stage_id") }} as stage_key,
    {{ stable_key('source_system', 'account', 'source_pipeline_id') }} as pipeline_key,
    stage_name,
    stage_order,
    open_rank,
    stage_kind,
    is_active_stage,
    funnel_step,
    default_probability,
    is_deleted,
    moment as valid_from,
    lead(moment, 1, {{ end_of_time() }}) over stage_validities as valid_to,
    lead(moment) over stage_validities is null as is_current,
    pipeline_began as is_first_listing,
    first_seen_at,
    min(_load_number) over (partition by source_system, account, source_pipeline_id, source_stage_id) as _first_load_number
from changed
window stage_validities as (partition by source_system, account, source_pipeline_id, source_stage_id order by moment)
