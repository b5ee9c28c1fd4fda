-- A revision is the full state at its instant: a field changed where the state differs from the revision before.
with

changed_deals as (

    select distinct _account, opportunity_id from {{ ref('stg_tryton__opportunity_revisions') }} {{ only_new_loads() }}

),

revisions as (

    select
        revision.*,
        min(revision._extracted_at) over versions as first_seen_at,
        first_value(revision._run_id) over versions as first_run_id,
        max(revision._load_number) over (partition by revision._account, revision.opportunity_id) as newest_load
    from {{ ref('stg_tryton__opportunity_revisions') }} as revision
    inner join changed_deals using (_account, opportunity_id)
    -- A revision without a state is a deletion that was undone later: it left nothing to read.
    where not revision._is_deleted and revision.state is not null
    window versions as (
        partition by revision._account, revision._source_id order by revision._load_number, revision._record_number
        rows between unbounded preceding and unbounded following
    )
    qualify revision._load_number = last_value(revision._load_number) over versions

),

values_in_force as (

    select
        _account, opportunity_id, revision_at, first_seen_at, first_run_id, newest_load, _record_number,
        unnest(['stage', 'pipeline', 'amount', 'currency', 'expected_close', 'owner']) as field,
        unnest([
            state, 'opportunity', cast(amount as varchar), currency_code, cast(end_date as varchar), employee
        ]) as value
    from revisions

),

changes as (

    select
        *,
        lag(value) over field_history as value_before,
        row_number() over field_history as sequence
    from values_in_force
    window field_history as (partition by _account, opportunity_id, field order by revision_at)
    qualify value is distinct from value_before

)

select
    {{ ordered_key("'tryton'", '_account', 'opportunity_id') }} as deal_key,
    field,
    value,
    cast(null as varchar) as value_before,
    false as gives_old_values,
    false as has_old_value,
    revision_at as changed_at,
    sequence,
    _record_number,
    first_run_id,
    first_seen_at,
    cast(null as timestamp) as retracted_at,
    newest_load as _load_number
from changes
-- as in int_crm__deals
order by deal_key
