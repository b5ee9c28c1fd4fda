-- HubSpot gives the whole history with every version of a deal, and the newest version's history stands. What only older versions have was
-- taken back, unless it lies before everything that is left: then HubSpot forgot it, and we do not.
with

changed_deals as (

    select distinct _account, deal_id from {{ ref('stg_hubspot__deals') }} {{ only_new_loads() }}

),

loads_of_deals as (

    select history._account, history.deal_id, max(history._load_number) as newest_load, min(history._load_number) as oldest_load
    from {{ ref('stg_hubspot__deal_property_history') }} as history
    inner join changed_deals using (_account, deal_id)
    where history.property <> 'hs_merged_object_ids'
    group by history._account, history.deal_id

),

entries as (

    select
        history._account,
        history.deal_id,
        history.property,
        history.value,
        history.changed_at,
        history.sequence,
        history._extracted_at,
        history._run_id,
        history._load_number,
        loads_of_deals.newest_load,
        loads_of_deals.oldest_load
    from {{ ref('stg_hubspot__deal_property_history') }} as history
    inner join loads_of_deals using (_account, deal_id)
    where history.property <> 'hs_merged_object_ids'

),

sightings as (

    select
        _account,
        deal_id,
        property,
        value,
        changed_at,
        min(_load_number) as first_load,
        max(_load_number) as last_load,
        arg_min(_run_id, _load_number) as first_run_id,
        min(_extracted_at) as first_seen_at,
        arg_max(sequence, _load_number) as sequence,
        any_value(newest_load) as newest_load
    from entries
    where newest_load > oldest_load
    group by _account, deal_id, property, value, changed_at

),

oldest_left as (

    select _account, deal_id, property, min(changed_at) as oldest_left_at
    from entries
    where _load_number = newest_load and newest_load > oldest_load
    group by _account, deal_id, property

),

gone as (

    select sighting.*, oldest.oldest_left_at, min(version._extracted_at) as missed_at
    from sightings as sighting
    left join oldest_left as oldest using (_account, deal_id, property)
    left join {{ ref('stg_hubspot__deal_property_history') }} as version
        on sighting._account = version._account and sighting.deal_id = version.deal_id and version._load_number > sighting.last_load
    where sighting.last_load < sighting.newest_load
    group by all

),

ledger as (

    select
        entry._account, entry.deal_id, entry.property, entry.value, entry.changed_at, entry.sequence,
        coalesce(sighting.first_load, entry._load_number) as first_load,
        coalesce(sighting.first_run_id, entry._run_id) as first_run_id,
        coalesce(sighting.first_seen_at, entry._extracted_at) as first_seen_at,
        cast(null as timestamp) as retracted_at,
        entry.newest_load
    from entries as entry
    left join sightings as sighting
        on entry._account = sighting._account and entry.deal_id = sighting.deal_id and entry.property = sighting.property
        and entry.changed_at = sighting.changed_at and entry.value is not distinct from sighting.value
    where entry._load_number = entry.newest_load and entry.newest_load > entry.oldest_load
    union all
    -- Read once only, as all of them are in the first night: nothing to look for, and with the sort below no memory for it.
    select
        _account, deal_id, property, value, changed_at, sequence, _load_number, _run_id, _extracted_at, cast(null as timestamp), newest_load
    from entries
    where newest_load = oldest_load
    union all
    select
        _account, deal_id, property, value, changed_at, sequence, first_load, first_run_id, first_seen_at,
        case when changed_at >= oldest_left_at then missed_at end, newest_load
    from gone

),

-- A merge copies the loser's past into the survivor: it stays the loser's.
copied_from_losers as (

    select distinct merge._account, merge.survivor_deal_id as deal_id, past.property, past.value, past.changed_at, merge._load_number as merge_load
    from {{ ref('int_hubspot__deal_merges') }} as merge
    inner join changed_deals on merge._account = changed_deals._account and merge.survivor_deal_id = changed_deals.deal_id
    inner join {{ ref('stg_hubspot__deal_property_history') }} as past
        on merge._account = past._account and merge.loser_deal_id = past.deal_id and past.changed_at < merge.merged_at

)

select
    {{ ordered_key("'hubspot'", 'ledger._account', 'ledger.deal_id') }} as deal_key,
    case ledger.property
        when 'dealstage' then 'stage'
        when 'deal_currency_code' then 'currency'
        when 'closedate' then 'expected_close'
        when 'hubspot_owner_id' then 'owner'
        else ledger.property
    end as field,
    case ledger.property
        when 'amount' then cast(try_cast(ledger.value as decimal(18, 2)) as varchar)
        when 'closedate' then cast(cast(try_cast(ledger.value as timestamp) as date) as varchar)
        else ledger.value
    end as value,
    cast(null as varchar) as value_before,
    false as gives_old_values,
    false as has_old_value,
    ledger.changed_at,
    ledger.sequence,
    ledger.sequence as _record_number,
    ledger.first_run_id,
    ledger.first_seen_at,
    ledger.retracted_at,
    ledger.newest_load as _load_number
from ledger
left join copied_from_losers as copied
    on ledger._account = copied._account and ledger.deal_id = copied.deal_id and ledger.property = copied.property
    and ledger.changed_at = copied.changed_at and ledger.value is not distinct from copied.value and ledger.first_load >= copied.merge_load
where copied.deal_id is null
-- as in int_crm__deals
order by deal_key
