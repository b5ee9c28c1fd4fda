-- The rows of a stage cover all time without gap or overlap, exactly the newest is current, and a row that the source listed says what it said.
with versions as (

    select
        *,
        lag(valid_to) over (partition by stage_key order by valid_from) as until_before,
        lead(valid_from) over (partition by stage_key order by valid_from) as from_next
    from {{ ref('dim_stages') }}

)

select
    stage_key, source_system, source_stage_id, valid_from, valid_to,
    'The validities of a stage leave a gap or overlap, or another row than the newest is the current one.' as likely_cause
from versions
where
    valid_from <> coalesce(until_before, timestamp '0001-01-01 00:00:00')
    or valid_to <> coalesce(from_next, timestamp '9999-12-31 00:00:00')
    or is_current <> (from_next is null)
union all
select
    coalesce(listed.stage_key, stages.stage_key), stages.source_system, stages.source_stage_id, stages.valid_from, stages.valid_to,
    'A stage is told otherwise than the source lists it, or a stage that nobody lists or visits has a row.'
from {{ ref('int_crm__stages') }} as listed
full join {{ ref('dim_stages') }} as stages on stages.stage_key = listed.stage_key and stages.valid_from = listed.valid_from
where
    (stages.stage_key is null)
    or (listed.stage_key is not null and (
        stages.pipeline_key <> listed.pipeline_key
        or stages.stage_name <> coalesce(listed.stage_name, listed.source_stage_id)
        or stages.stage_order is distinct from listed.stage_order
        or stages.open_rank is distinct from listed.open_rank
        or stages.stage_kind <> listed.stage_kind
        or stages.is_active_stage <> coalesce(listed.is_active_stage, stages.is_active_stage)
        or stages.is_deleted <> listed.is_deleted
    ))
    or (listed.stage_key is null and (
        stages.stage_order is not null or stages.open_rank is not null or stages.stage_kind <> 'open' or stages.funnel_step <> 'unmapped'
        or stages.funnel_step_number is not null or not stages.is_active_stage
        or stages.is_deleted <> (stages.stage_key <> {{ unknown_key() }})
        or (stages.stage_key = {{ unknown_key() }} and (stages.stage_name <> 'unknown' or stages.source_system <> 'unknown' or stages.source_stage_id is not null))
        or (stages.is_deleted and stages.stage_name <> 'stage ' || stages.source_stage_id)
        or (stages.stage_key <> {{ unknown_key() }}
            and stages.stage_key not in (select to_stage_key from {{ ref('fct_deal_stage_transitions') }} where to_stage_key is not null))
    ))
