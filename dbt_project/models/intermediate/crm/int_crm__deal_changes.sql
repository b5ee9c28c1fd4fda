-- Every change of every tracked field: from the CRM's history where it keeps one, else as observed or inferred.
with

changed_deals as (

    select * from {{ ref('int_crm__deals') }} {{ only_new_loads() }}

),

recorded as (

    select
        history.deal_key, history.field, history.value, history.value_before, history.gives_old_values, history.has_old_value,
        greatest(history.changed_at, deal.created_at) as changed_at,
        history.sequence, history._record_number, history.first_run_id, history.first_seen_at, history.retracted_at,
        -- A row of the creation's instant that has an old value is the first change, not the creation.
        history.changed_at <= deal.created_at and history.value_before is null as may_be_creation,
        history.first_run_id <> deal.first_run_id as is_late,
        row_number() over (
            partition by history.deal_key, history.field, history.retracted_at is null
            order by history.changed_at, history.sequence, history._record_number
        ) as position,
        count(*) filter (where history.retracted_at is null) over (partition by history.deal_key, history.field) as standing_count
    from {{ ref('int_crm__deal_history') }} as history
    inner join changed_deals as deal on history.deal_key = deal.deal_key

),

-- The history begins after the creation: the value until then is the first old value, empty included (but for stage and pipeline, which
-- never are). Where the source states none, it is the deal's current value, and for the stage and pipeline of a CRM that forgets the first it knows.
before_the_history as (

    select
        first.deal_key,
        first.field,
        case
            when first.standing_count > 0 and first.value_before is not null then first.value_before
            when first.standing_count > 0 and not first.gives_old_values then case when first.field in ('stage', 'pipeline') then first.value end
            when first.standing_count = 0 or first.field in ('stage', 'pipeline') or not first.has_old_value
                then list_extract({{ tracked_values('deal') }}, list_position({{ tracked_fields() }}, first.field))
        end as value,
        case when first.standing_count > 0 and first.value_before is not null then 'crm_history' else 'inferred' end as change_source
    from recorded as first
    inner join changed_deals as deal on first.deal_key = deal.deal_key
    where first.position = 1 and (first.standing_count = 0 or (first.retracted_at is null and not first.may_be_creation))

),

-- A history that was revised had another first old value before: what each moment's knowledge concluded, from the first row that stood then.
moments as (

    select
        deal_key, field, moment, max(run_id) as run_id,
        lead(moment) over (partition by deal_key, field order by moment) as next_moment,
        moment = min(moment) over (partition by deal_key, field) as is_first
    from (
        select deal_key, field, first_seen_at as moment, first_run_id as run_id from recorded
        union all
        select deal_key, field, retracted_at, '' from recorded where retracted_at is not null
    ) as sighting
    where (deal_key, field) in (
        select (deal_key, field) from recorded where position = 1 and gives_old_values and (is_late or retracted_at is not null)
    )
    group by deal_key, field, moment

),

conclusions as (

    select moment.*, entry.value_before as value
    from moments as moment
    inner join recorded as entry
        on moment.deal_key = entry.deal_key and moment.field = entry.field
        and entry.first_seen_at <= moment.moment and coalesce(entry.retracted_at > moment.moment, true)
    qualify row_number() over (
        partition by moment.deal_key, moment.field, moment.moment order by entry.changed_at, entry.sequence, entry._record_number
    ) = 1

),

creations as (

    select
        deal_key, field, value, arg_min(run_id, moment) as first_run_id, min(moment) as first_seen_at, bool_or(is_first) as is_first,
        case when count(next_moment) = count(*) then max(next_moment) end as retracted_at
    from conclusions
    where value is not null
    group by deal_key, field, value

),

changes as (

    select
        deal_key, field, value, changed_at, sequence, _record_number, 'crm_history' as change_source, first_run_id, first_seen_at, retracted_at
    from recorded
    union all
    select
        deal_key, field, value, deal.created_at, 0, 0, coalesce(change_source, 'crm_history'),
        -- A history that came after its deal may conclude what the deal's first version showed.
        case
            when creation.is_first and value = list_extract(deal.first_values, list_position({{ tracked_fields() }}, field)) then deal.first_run_id
            else creation.first_run_id
        end,
        creation.first_seen_at,
        case when before_the_history.deal_key is null then creation.retracted_at end
    from before_the_history
    full join creations as creation using (deal_key, field, value)
    inner join changed_deals as deal using (deal_key)
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
    {% if is_incremental() %}and observation.{{ of_changed_deals(ref('int_crm__deal_observations')) }}{% endif %}
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
        -- What is dated later than it was seen, by a clock that is fast or a deal planned ahead, was known when it was seen.
        when coalesce(change.first_run_id, deal.first_run_id) = deal.first_run_id then least(change.changed_at, change.first_seen_at)
        else change.first_seen_at
    end as known_at,
    change.retracted_at,
    deal._load_number
from changes as change
inner join changed_deals as deal on change.deal_key = deal.deal_key
-- as the ledger looks along them (fct_deal_changes)
order by
    change.deal_key, change.field, change.changed_at, change.sequence, change._record_number, change.retracted_at is null, known_at
