{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='deal_key', on_schema_change='fail') }}
with

changed_deals as (

    select distinct deal_key from {{ ref('fct_deal_steps') }} {{ only_new_loads() }}

),

-- The steps lie in the order of their deals; a part of them is put in order anew. A deleted or merged deal is in no stage.
moves as (

    select
        deal_key, step_number, changed_at, deal_status, owner_key, deal_amount, currency_code, change_source, _load_number,
        case when deal_status not in ('deleted', 'merged') then stage_key end as to_stage_key,
        case when deal_status not in ('deleted', 'merged') then pipeline_key end as to_pipeline_key,
        case when deal_status not in ('deleted', 'merged') then stage_kind end as to_stage_kind,
        case when deal_status not in ('deleted', 'merged') then open_rank end as to_open_rank
    from {{ ref('fct_deal_steps') }}
    where is_move
    {% if is_incremental() %}and {{ of_changed_deals(ref('fct_deal_steps')) }} order by deal_key, step_number{% endif %}

),

counted as (

    select *, {{ first_of_deal('step_number') }} as is_first, {{ stream_number('step_number') }} as stream_number from moves

),

neighbours as (

    select
        *,
        {{ row_before('deal_status', 'step_number') }} as status_before,
        {{ row_before('changed_at', 'step_number') }} as changed_before_at,
        {{ row_before('to_stage_key', 'step_number') }} as from_stage_key,
        {{ row_before('to_pipeline_key', 'step_number') }} as from_pipeline_key,
        {{ row_after('changed_at', 'step_number') }} as next_at,
        {{ number_in_deal() }} as transition_number
    from counted

),

transitions as (

    select
        *,
        {{ newest_so_far("case when is_first or changed_at <> changed_before_at then transition_number end", 'step_number') }}
            as first_number_of_instant
    from neighbours

),

kinds as (

    select
        transition.*,
        case when transition.from_stage_key is not null then coalesce(stage.stage_kind, 'open') end as from_stage_kind,
        stage.open_rank as from_open_rank,
        case
            when transition.transition_number = 1 then 'created'
            when transition.to_stage_key is null then transition.deal_status
            when transition.status_before in ('deleted', 'merged') then 'restored'
            when transition.to_stage_kind <> 'open' then transition.to_stage_kind
            when stage.stage_kind in ('won', 'lost') then 'reopened'
            when transition.to_pipeline_key <> transition.from_pipeline_key then 'moved_pipeline'
            when transition.to_open_rank > stage.open_rank + 1 then 'skipped_ahead'
            when transition.to_open_rank <= stage.open_rank then 'moved_back'
            else 'advanced'
        end as transition_kind
    from transitions as transition
    left join {{ ref('int_crm__stages') }} as stage
        on transition.from_stage_key = stage.stage_key
        and transition.changed_at >= stage.valid_from and transition.changed_at < stage.valid_to

)

select
    {{ hashed_key(
        "concat_ws('|', deal_key, changed_at, transition_number - first_number_of_instant,"
        ~ " coalesce(cast(from_stage_key as varchar), ''), coalesce(cast(to_stage_key as varchar), ''))"
    ) }} as transition_key,
    deal_key,
    transition_number,
    changed_at as transitioned_at,
    from_stage_key, to_stage_key, from_pipeline_key, to_pipeline_key,
    from_stage_kind, to_stage_kind, to_open_rank,
    transition_kind,
    case when from_pipeline_key = to_pipeline_key then to_open_rank - from_open_rank end as stages_moved,
    deal_amount,
    currency_code,
    owner_key,
    to_stage_key is not null and coalesce(next_at = changed_at, false) as is_transient,
    change_source,
    transition_number - first_number_of_instant + 1 as sequence,
    _load_number
from kinds
order by deal_key, transition_number
