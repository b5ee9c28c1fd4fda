-- Every change of every tracked field: from the CRM's history where it keeps one, else as observed or inferred.
with

changed_deals as (

    select * from {{ ref('int_crm__deals') }} {{ only_new_loads() }}

),

recorded as (

    select
        history.deal_key, history.field, history.value, history.value_before, history.gives_old_values,
        greatest(history.changed_at, changed_deals.created_at) as changed_at,
        history.changed_at as stated_at,
        history.sequence, history._record_number, history.first_run_id, history.first_seen_at, history.retracted_at,
        row_number() over (
            partition by history.deal_key, history.field, history.retracted_at is null
            order by history.changed_at, history.sequence, history._record_number
        ) as position,
        count(*) filter (where history.retracted_at is null) over (partition by history.deal_key, history.field) as standing_count,
        count(history.value_before) filter (where history.retracted_at is null) over (partition by history.deal_key) > 0 as states_old_values
    from {{ ref('int_crm__deal_history') }} as history
    inner join changed_deals on history.deal_key = changed_deals.deal_key

),

-- The history begins after the creation: the value until then is the first old value. Where that is empty, the field was, if the deal's rows
-- state old values at all; else it is the deal's current value, and for the stage and pipeline of a CRM that forgets the first it still knows.
before_the_history as (

    select
        first.deal_key,
        first.field,
        case
            when first.value_before is not null and first.standing_count > 0 then first.value_before
            when first.standing_count = 0 or first.gives_old_values and (first.field in ('stage', 'pipeline') or not first.states_old_values) then case first.field
                when 'stage' then deal.source_stage_id
                when 'pipeline' then deal.source_pipeline_id
                when 'amount' then cast(deal.deal_amount as varchar)
                when 'currency' then deal.currency_code
                when 'expected_close' then cast(deal.expected_close_date as varchar)
                when 'owner' then deal.source_owner_id
            end
            when first.field in ('stage', 'pipeline') and not first.gives_old_values then first.value
        end as value,
        deal.created_at as changed_at,
        case when first.value_before is not null and first.standing_count > 0 then 'crm_history' else 'inferred' end as change_source
    from recorded as first
    inner join changed_deals as deal on first.deal_key = deal.deal_key
    where
        first.position = 1
        and (
            first.standing_count = 0
            -- A row of the creation's instant that has an old value is the first change, not the creation.
            or (first.retracted_at is null and (first.stated_at > deal.created_at or first.value_before is not null))
        )

),

changes as (

    select
        deal_key, field, value, changed_at, sequence, _record_number, 'crm_history' as change_source, first_run_id, first_seen_at, retracted_at
    from recorded
    union all
    select deal_key, field, value, changed_at, 0, 0, change_source, null, null, null
    from before_the_history
    where value is not null
    union all
    select
        observation.deal_key, observation.field, observation.value, observation.changed_at, observation.sequence, 0,
        observation.change_source, observation.first_run_id, observation.first_seen_at, null
    from {{ ref('int_crm__deal_observations') }} as observation
    inner join changed_deals as deal on observation.deal_key = deal.deal_key
    -- What vanished because it was merged was merged.
    where not (
        deal.merged_at is not null and observation.field = 'status' and observation.value = 'deleted'
        and observation.first_seen_at >= coalesce(deal.last_seen_live_at, deal.first_seen_at)
    )
    union all
    select deal_key, 'status', 'merged', greatest(merged_at, created_at), 999999999, 0, merge_source, merge_run_id, merge_seen_at, null
    from changed_deals
    where merged_at is not null

)

select
    change.deal_key,
    deal.source_system,
    deal.account,
    change.field,
    change.value as new_value,
    change.changed_at,
    change.sequence,
    change._record_number,
    change.change_source,
    case
        when coalesce(change.first_run_id, deal.first_run_id) = deal.first_run_id then change.changed_at else change.first_seen_at
    end as known_at,
    change.retracted_at,
    deal._load_number
from changes as change
inner join changed_deals as deal on change.deal_key = deal.deal_key
order by change.deal_key, change.changed_at
