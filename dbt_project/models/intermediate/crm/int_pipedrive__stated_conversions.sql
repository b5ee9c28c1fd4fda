-- In whole per cent, of one user's deals: of the moves out of a stage within the pipeline, those into another.
with

newest as (

    select *
    from {{ ref('stg_pipedrive__pipeline_statistics') }}
    qualify _load_number = max(_load_number) over (partition by _account)

),

conversions as (

    select _account, pipeline_id, user_id, start_date, end_date, unnest(stage_conversions) as conversion from newest

)

select
    'pipedrive' as source_system,
    _account as account,
    {{ stable_key("'pipedrive'", '_account', 'pipeline_id') }} as pipeline_key,
    {{ stable_key("'pipedrive'", '_account', 'user_id') }} as owner_key,
    {{ stable_key("'pipedrive'", '_account', "pipeline_id || '|' || cast(conversion.from_stage_id as varchar)") }} as from_stage_key,
    {{ stable_key("'pipedrive'", '_account', "pipeline_id || '|' || cast(conversion.to_stage_id as varchar)") }} as to_stage_key,
    start_date,
    end_date,
    conversion.conversion_rate / 100.0 as conversion_rate
from conversions
