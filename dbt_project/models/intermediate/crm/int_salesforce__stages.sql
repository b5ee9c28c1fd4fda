-- Stages belong to the org; a record type's sales process takes some of them, in the same order. Both lists are read at the same instant, and a change of
-- either makes new versions: what is not, or no longer, in the process or active is removed there. A process that cannot be read has all stages.
with

moments as (

    select _account, _extracted_at as moment, max(_load_number) as moment_load
    from (
        select _account, _extracted_at, _load_number from {{ ref('stg_salesforce__opportunity_stages') }}
        union all
        select _account, _extracted_at, _load_number from {{ ref('int_salesforce__record_types') }}
    )
    group by _account, _extracted_at

),

stages_then as (

    select moment.moment, moment.moment_load, stage.*
    from moments as moment
    inner join {{ ref('stg_salesforce__opportunity_stages') }} as stage
        on moment._account = stage._account and stage._extracted_at <= moment.moment
    qualify row_number() over (
        partition by stage._account, stage.stage_id, moment.moment order by stage._load_number desc, stage._record_number desc
    ) = 1

),

record_types_then as (

    select moment.moment, record_type.*
    from moments as moment
    inner join {{ ref('int_salesforce__record_types') }} as record_type
        on moment._account = record_type._account and record_type._extracted_at <= moment.moment
    qualify row_number() over (
        partition by record_type._account, record_type.record_type_id, moment.moment
        order by record_type._load_number desc, record_type._record_number desc
    ) = 1

),

pairs as (

    select
        stage.*,
        record_type.record_type_id,
        stage.is_active and not stage._is_deleted and not record_type.is_deleted
        and coalesce(list_contains(record_type.stage_names, stage.api_name), true) as is_listed
    from stages_then as stage
    inner join record_types_then as record_type on stage._account = record_type._account and stage.moment = record_type.moment

),

-- From the first time on that the stage was listed in the process.
versions as (

    select *
    from pairs
    qualify bool_or(is_listed) over (partition by _account, record_type_id, stage_id order by moment)

)

select
    'salesforce' as source_system,
    _account as account,
    record_type_id as source_pipeline_id,
    api_name as source_stage_id,
    master_label as stage_name,
    sort_order as stage_order,
    case when is_won then 'won' when is_closed then 'lost' else 'open' end as stage_kind,
    cast(null as boolean) as is_active_stage,
    cast(null as varchar) as funnel_step,
    default_probability / 100 as default_probability,
    not is_listed as is_deleted,
    moment as _extracted_at,
    sort_order as _record_number,
    moment_load as _load_number
from versions
