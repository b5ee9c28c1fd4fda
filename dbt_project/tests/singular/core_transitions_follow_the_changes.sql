-- Every transition of the deals with news: its kind follows from where it leads and whence, its ends are the places of the transitions around
-- it, its stage is told as it was at the instant, and amount, currency and owner are the last the ledger holds up to and including it.
with news as (

    select load_number from {{ ref('int_crm__loads') }} where run_id = (select max(run_id) from {{ ref('int_crm__loads') }})

),

transitions as (

    select *
    from {{ ref('fct_deal_stage_transitions') }}
    where deal_key in (select deal_key from {{ ref('fct_deal_stage_transitions') }} where _load_number >= (select min(load_number) from news))

),

in_force as (

    select
        transitions.deal_key, transitions.transition_number,
        count(changes.deal_key) filter (where changes.changed_at = transitions.transitioned_at and changes.field in ('stage', 'pipeline', 'status')) as moving_count,
        nullif(max_by(coalesce(changes.new_value, ''), (changes.changed_at, changes.sequence, changes._record_number)) filter (where changes.field = 'amount'), '') as amount,
        nullif(max_by(coalesce(changes.new_value, ''), (changes.changed_at, changes.sequence, changes._record_number)) filter (where changes.field = 'currency'), '') as currency_code,
        nullif(max_by(coalesce(changes.new_value, ''), (changes.changed_at, changes.sequence, changes._record_number)) filter (where changes.field = 'owner'), '') as owner_id
    from transitions
    left join {{ ref('fct_deal_changes') }} as changes
        on changes.deal_key = transitions.deal_key and changes.changed_at <= transitions.transitioned_at and changes.retracted_at is null
    group by transitions.deal_key, transitions.transition_number

),

told as (

    select
        transition.*,
        before.to_stage_key as stage_before, before.to_pipeline_key as pipeline_before, before.transition_number as number_before,
        before.transitioned_at as instant_before, next_one.transitioned_at as next_instant,
        to_stage.stage_kind as kind_then, to_stage.open_rank as rank_then,
        from_stage.stage_kind as from_kind_then, from_stage.open_rank as from_rank_then,
        case
            when transition.transition_number = 1 then 'created'
            when transition.to_stage_key is null then transition.transition_kind  -- deleted or merged: the record says which
            when before.to_stage_key is null then 'restored'
            when to_stage.stage_kind in ('won', 'lost') then to_stage.stage_kind
            when from_stage.stage_kind in ('won', 'lost') then 'reopened'
            when transition.to_pipeline_key <> before.to_pipeline_key then 'moved_pipeline'
            when to_stage.open_rank - from_stage.open_rank > 1 then 'skipped_ahead'
            when to_stage.open_rank - from_stage.open_rank < 1 then 'moved_back'
            else 'advanced'
        end as kind_by_rule
    from transitions as transition
    left join transitions as before on before.deal_key = transition.deal_key and before.transition_number = transition.transition_number - 1
    left join transitions as next_one on next_one.deal_key = transition.deal_key and next_one.transition_number = transition.transition_number + 1
    left join {{ ref('dim_stages') }} as to_stage
        on to_stage.stage_key = transition.to_stage_key
        and to_stage.valid_from <= transition.transitioned_at and transition.transitioned_at < to_stage.valid_to
    left join {{ ref('dim_stages') }} as from_stage
        on from_stage.stage_key = before.to_stage_key
        and from_stage.valid_from <= transition.transitioned_at and transition.transitioned_at < from_stage.valid_to

)

select
    told.transition_key, told.deal_key, told.transition_number, told.transitioned_at, told.transition_kind, told.kind_by_rule,
    case
        when (told.transition_number > 1 and told.number_before is null) or told.transition_number < 1 then 'its number'
        when told.instant_before > told.transitioned_at then 'its order'
        when in_force.moving_count = 0 then 'no change moved the deal then'
        when told.transition_kind <> told.kind_by_rule or (told.transition_number > 1 and (told.to_stage_key is null) <> (told.transition_kind in ('deleted', 'merged'))) then 'its kind'
        when told.from_stage_key is distinct from told.stage_before or told.from_pipeline_key is distinct from told.pipeline_before then 'whence'
        when (told.to_stage_key is null) <> (told.to_pipeline_key is null) or told.to_stage_key = told.stage_before then 'where to'
        when told.to_stage_kind is distinct from told.kind_then or told.to_open_rank is distinct from told.rank_then then 'its stage then'
        when told.from_stage_kind is distinct from told.from_kind_then then 'the stage it left, then'
        when told.stages_moved is distinct from case when told.to_pipeline_key = told.pipeline_before then told.rank_then - told.from_rank_then end then 'stages_moved'
        when told.is_transient <> (told.to_stage_key is not null and coalesce(told.next_instant = told.transitioned_at, false)) then 'is_transient'
        when told.sequence <> 1 + (
            select count(*) from transitions as others
            where others.deal_key = told.deal_key and others.transitioned_at = told.transitioned_at and others.transition_number < told.transition_number
        ) then 'sequence'
        when told.deal_amount is distinct from cast(in_force.amount as decimal(18, 2)) then 'deal_amount'
        when told.currency_code is distinct from in_force.currency_code then 'currency_code'
        when told.owner_key is distinct from coalesce({{ stable_key('deals.source_system', 'deals.account', 'in_force.owner_id') }}, {{ unknown_key() }}) then 'owner_key'
    end as wrong_column,
    'The transition contradicts the changes it is made of: look at the column named, in fct_deal_stage_transitions.' as likely_cause
from told
left join in_force on in_force.deal_key = told.deal_key and in_force.transition_number = told.transition_number
left join {{ ref('dim_deals') }} as deals on deals.deal_key = told.deal_key
where wrong_column is not null
