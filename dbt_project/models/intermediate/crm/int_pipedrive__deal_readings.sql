-- The changelog and the record are read one after the other: each may know of changes that the other does not. What lies behind the record
-- waits for the night that brings the record; where the record is the younger one, its changes are taken from itself (`is_behind`).
with

changed_deals as (

    select distinct _account, deal_id
    from (
        select _account, deal_id, _load_number from {{ ref('stg_pipedrive__deals') }}
        union all
        select _account, deal_id, _load_number from {{ ref('stg_pipedrive__deal_changelogs') }}
    )
    {{ only_new_loads() }}

),

changelogs as (

    select
        changelog._account,
        changelog.deal_id,
        max(changelog._load_number) as newest_changelog,
        max_by(changelog.update_time, changelog._load_number) as known_until
    from {{ ref('stg_pipedrive__deal_changelogs') }} as changelog
    inner join changed_deals using (_account, deal_id)
    group by changelog._account, changelog.deal_id

),

versions as (

    select
        version.*,
        struct_pack(
            stage_id := version.stage_id, status_in_force := version.status_in_force, place := version.place,
            pipeline_id := version.pipeline_id, value := version.value, currency := version.currency,
            expected_close_date := version.expected_close_date, owner_id := version.owner_id,
            _run_id := version._run_id, _extracted_at := version._extracted_at
        ) as record
    from {{ ref('int_pipedrive__deal_versions') }} as version
    inner join changed_deals using (_account, deal_id)

)

select
    version.deal_key,
    version._account,
    version.deal_id,
    any_value(changelog.newest_changelog) as newest_changelog,
    any_value(changelog.known_until) as known_until,
    max(version.update_time) as record_until,
    max(version.update_time) > any_value(changelog.known_until) as is_behind,
    min(version.add_time) as add_time,
    -- The record that the changelog ends with: the values of fields that it does not mention.
    coalesce(
        max_by(version.record, (version._load_number, version._record_number)) filter (where version.update_time <= changelog.known_until),
        min_by(version.record, (version._load_number, version._record_number))
    ) as record_then,
    max_by(version.record, (version._load_number, version._record_number)) as record_now,
    min(version._run_id) as first_run_id,
    min(version._extracted_at) as first_seen_at,
    greatest(max(version._load_number), any_value(changelog.newest_changelog)) as _load_number
from versions as version
inner join changelogs as changelog on version._account = changelog._account and version.deal_id = changelog.deal_id
group by version.deal_key, version._account, version.deal_id
