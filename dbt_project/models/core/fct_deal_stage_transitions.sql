{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='deal_key', on_schema_change='fail') }}
with
-- Deals with news, and deals in a stage that was listed only after they had been there.
changed_deals as (

    select deal_key from {{ ref('fct_deal_changes') }} {{ only_new_loads() }}
    {% if is_incremental() %}
    union
    select deal_key
    from {{ this }}
    where to_stage_key in (
        select stage_key from {{ ref('int_crm__stages') }} where _first_load_number > (select max(_load_number) from {{ this }})
    )
    {% endif %}

),

-- Within an instant amount, currency and owner come first, then the creation, the moves in the source's order, the end of a deal.
steps as (

    select
        change.*,
        deal.source_system, deal.account,
        pair.pipeline_id as paired_pipeline_id,
        case
            when change.field = 'status' and change.new_value <> 'live' then 3
            when change.field in ('stage', 'pipeline', 'status') and change.old_value is not null then 2
            when change.field = 'stage' then 1
            else 0
        end as step_order
    from {{ ref('fct_deal_changes') }} as change
    inner join {{ ref('int_crm__deals') }} as deal on change.deal_key = deal.deal_key
    left join {{ ref('fct_deal_pipeline_moves') }} as pair
        on change.field = 'stage' and change.deal_key = pair.deal_key and change.changed_at = pair.changed_at
        and change.sequence = pair.sequence and change._record_number = pair._record_number
    left join {{ ref('fct_deal_pipeline_moves') }} as absorbed
        on change.field = 'pipeline' and change.deal_key = absorbed.deal_key and change.changed_at = absorbed.changed_at
        and change.sequence = absorbed.pipeline_sequence and change._record_number = absorbed.pipeline_record_number
    where
        change.deal_key in (select deal_key from changed_deals)
        and change.retracted_at is null and change.field <> 'expected_close' and absorbed.deal_key is null

),

states as (

    select
        deal_key, source_system, account, changed_at, step_order, sequence, _record_number, field, change_source, _load_number,
        last_value(case when field = 'stage' then new_value end ignore nulls) over so_far as stage_id,
        last_value(case when field = 'pipeline' then new_value else paired_pipeline_id end ignore nulls) over so_far as pipeline_id,
        last_value(case when field = 'status' then new_value end ignore nulls) over so_far as status,
        last_value(case when field = 'amount' then coalesce(new_value, '') end ignore nulls) over so_far as amount,
        last_value(case when field = 'currency' then coalesce(new_value, '') end ignore nulls) over so_far as currency_code,
        last_value(case when field = 'owner' then coalesce(new_value, '') end ignore nulls) over so_far as owner_id
    from steps
    window so_far as (
        partition by deal_key order by changed_at, step_order, sequence, _record_number, field
        rows between unbounded preceding and current row
    )

),

-- A deleted or merged deal is in no stage; consecutive equal states are one.
moves as (

    select *, lag(place) over (partition by deal_key order by changed_at, step_order, sequence, _record_number, field) as place_before
    from (select *, case when status = 'live' then coalesce(pipeline_id, '') || '|' || stage_id else 'left' end as place from states) as state
    where step_order > 0 and place is not null

),

arrivals as (

    select
        move.*,
        coalesce(stage.stage_key, case when move.status = 'live' then {{ stable_key('move.source_system', 'move.account', 'move.place') }} end) as to_stage_key,
        coalesce(
            stage.pipeline_key, case when move.status = 'live' then {{ stable_key('move.source_system', 'move.account', 'move.pipeline_id') }} end
        ) as to_pipeline_key,
        coalesce(stage.stage_kind, case when move.status = 'live' then 'open' end) as to_stage_kind,
        stage.open_rank as to_open_rank,
        greatest(move._load_number, coalesce(stage._first_load_number, 0)) as newest_load
    from moves as move
    left join {{ ref('int_crm__stages') }} as stage
        on move.status = 'live' and move.source_system = stage.source_system and move.account = stage.account
        and move.pipeline_id = stage.source_pipeline_id and move.stage_id = stage.source_stage_id
        and move.changed_at >= stage.valid_from and move.changed_at < stage.valid_to
    where move.place is distinct from move.place_before

),

transitions as (

    select
        *,
        lag(to_stage_key) over in_order as from_stage_key, lag(to_pipeline_key) over in_order as from_pipeline_key,
        row_number() over in_order as transition_number,
        rank() over (partition by deal_key order by changed_at) as first_number_of_instant,
        lead(changed_at) over in_order as next_at,
        max(newest_load) over (partition by deal_key) as deal_load_number
    from arrivals
    window in_order as (partition by deal_key order by changed_at, step_order, sequence, _record_number, field)

),

kinds as (

    select
        transition.*,
        case when transition.from_stage_key is not null then coalesce(stage.stage_kind, 'open') end as from_stage_kind,
        stage.open_rank as from_open_rank,
        case
            when transition.transition_number = 1 then 'created'
            when transition.status <> 'live' then transition.status
            when transition.place_before = 'left' then 'restored'
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
        "deal_key || '|' || changed_at || '|' || (transition_number - first_number_of_instant)"
        ~ " || '|' || coalesce(cast(from_stage_key as varchar), '') || '|' || coalesce(cast(to_stage_key as varchar), '')"
    ) }} as transition_key,
    deal_key,
    transition_number,
    changed_at as transitioned_at,
    from_stage_key, to_stage_key, from_pipeline_key, to_pipeline_key,
    from_stage_kind, to_stage_kind, to_open_rank,
    transition_kind,
    case when from_pipeline_key = to_pipeline_key then to_open_rank - from_open_rank end as stages_moved,
    cast(nullif(amount, '') as decimal(18, 2)) as deal_amount,
    nullif(currency_code, '') as currency_code,
    coalesce({{ stable_key('source_system', 'account', "nullif(owner_id, '')") }}, {{ unknown_key() }}) as owner_key,
    status = 'live' and coalesce(next_at = changed_at, false) as is_transient,
    change_source,
    transition_number - first_number_of_instant + 1 as sequence,
    deal_load_number as _load_number
from kinds
order by deal_key, transition_number
