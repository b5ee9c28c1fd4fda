{{ config(materialized='incremental', incremental_strategy='append', on_schema_change='fail') }}
-- depends_on: {{ ref('mart_ops__control_questions') }}
with

-- A deal that changed while the source was asked explains one deal more in one place of the source's, no more. Where nothing is missing
-- anywhere, a count that came without a list of ids may rightly lack deals that the next list will show to be gone.
judged as (

    select
        *,
        case
            when missing_count = 0 then 'equal'
            when missing_count > 0 and missing_in_all_count <= not_comparable_count then 'explained'
            when missing_count > 0 then 'too_few'
            when missing_in_all_count = 0 and not is_listed then 'fuller_until_sweep'
            else 'too_many'
        end as count_verdict
    from {{ ref('mart_ops__control_comparisons') }}

),

figures as (

    select
        control_key, source_system, account, resource, run_id, load_number, as_of_at, pipeline_key, stage_key, source_pipeline_id, source_stage_id,
        currency_code, is_all_currencies, not_comparable_count,
        'deal_count' as measure,
        cast(source_count as decimal(18, 2)) as source_figure,
        cast(warehouse_count as decimal(18, 2)) as warehouse_figure,
        count_verdict as verdict
    from judged
    union all
    select
        control_key, source_system, account, resource, run_id, load_number, as_of_at, pipeline_key, stage_key, source_pipeline_id, source_stage_id,
        currency_code, is_all_currencies, not_comparable_count,
        'deal_amount',
        source_amount,
        warehouse_amount,
        case
            when source_amount = warehouse_amount then 'equal'
            when count_verdict = 'equal' then 'other_amount'
            else count_verdict
        end
    from judged
    where source_amount is not null

)

select
    {{ hashed_key(
        "figure.control_key || '|' || figure.stage_key || '|' || coalesce(figure.currency_code, '') || '|' || figure.measure"
    ) }} as reconciliation_key,
    figure.source_system,
    figure.account,
    figure.run_id,
    figure.resource,
    figure.as_of_at,
    figure.pipeline_key,
    figure.stage_key,
    pipeline.pipeline_name,
    stage.stage_name,
    coalesce(figure.source_pipeline_id, stage.source_pipeline_id) as source_pipeline_id,
    coalesce(figure.source_stage_id, stage.source_stage_id) as source_stage_id,
    figure.currency_code,
    figure.is_all_currencies,
    figure.measure,
    figure.source_figure,
    figure.warehouse_figure,
    figure.source_figure - figure.warehouse_figure as difference,
    case when figure.verdict = 'explained' then figure.source_figure - figure.warehouse_figure else 0 end as explained_difference,
    figure.not_comparable_count,
    figure.verdict,
    figure.verdict in ('too_few', 'too_many', 'other_amount') as is_fault,
    figure.load_number
from figures as figure
left join {{ ref('dim_pipelines') }} as pipeline on figure.pipeline_key = pipeline.pipeline_key
left join {{ ref('dim_stages') }} as stage on figure.stage_key = stage.stage_key and stage.is_current
