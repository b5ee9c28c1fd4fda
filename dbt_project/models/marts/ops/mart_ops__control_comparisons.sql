{{ config(materialized='ephemeral', contract={'enforced': false}) }}
-- depends_on: {{ ref('mart_ops__control_questions') }}
with

questions as (

    select question.*, coalesce(exclusion.deal_count, 0) as not_comparable_count
    from {{ ref('mart_ops__control_questions') }} as question
    left join (
        select control_key, count(*) as deal_count
        from {{ ref('mart_ops__control_exclusions') }}
        where reason in ('changed_while_asking', 'learnt_since')
        group by control_key
    ) as exclusion on question.control_key = exclusion.control_key

),

source_totals as (

    select
        total.control_key, total.pipeline_key, total.stage_key, total.source_pipeline_id, total.source_stage_id, total.currency_code,
        total.deal_count, total.deal_amount
    from {{ ref('fct_control_totals') }} as total
    inner join questions as question on total.control_key = question.control_key

),

places as (

    select
        coalesce(theirs.control_key, ours.control_key) as control_key,
        coalesce(theirs.pipeline_key, ours.pipeline_key) as pipeline_key,
        coalesce(theirs.stage_key, ours.stage_key) as stage_key,
        theirs.source_pipeline_id,
        theirs.source_stage_id,
        coalesce(theirs.currency_code, ours.currency_code) as currency_code,
        coalesce(theirs.deal_count, 0) as source_count,
        coalesce(ours.deal_count, 0) as warehouse_count,
        theirs.deal_amount as source_amount,
        coalesce(ours.deal_amount, 0) as warehouse_amount
    from source_totals as theirs
    full join {{ ref('mart_ops__control_places') }} as ours
        on theirs.control_key = ours.control_key and theirs.pipeline_key = ours.pipeline_key and theirs.stage_key = ours.stage_key
        and coalesce(theirs.currency_code, '') = coalesce(ours.currency_code, '')

)

select
    question.control_key, question.source_system, question.account, question.resource, question.run_id, question.load_number, question.as_of_at,
    question.is_listed, question.is_all_currencies, question.not_comparable_count,
    place.pipeline_key, place.stage_key, place.source_pipeline_id, place.source_stage_id, place.currency_code,
    place.source_count, place.warehouse_count, place.source_amount, place.warehouse_amount,
    place.source_count - place.warehouse_count as missing_count,
    sum(case when place.source_count > place.warehouse_count then place.source_count - place.warehouse_count else 0 end) over (
        partition by place.control_key
    ) as missing_in_all_count
from places as place
inner join questions as question on place.control_key = question.control_key
