{# Consistency test 3. The records of a night, each as the CRM showed it then, against the ledger as known that night: stage, pipeline, amount, currency and being
   there, deal by deal, for every night that brought the deal; and what the movements add up to against the newest record. Asked of the deals with
   news: the others were asked before. Not of CRMs whose histories may come nights after the records (`late_histories`). #}
{% test snapshots_equal_the_ledger(model, changes, versions, stages, late_histories=[]) %}

with

news as (

    select distinct deal_key from {{ changes }} where _load_number = (select max(_load_number) from {{ changes }})

),

nights as (

    select source_system, account, run_id, max(extracted_at) as known_until
    from {{ source('raw', '_loads') }}
    group by source_system, account, run_id

),

-- The last record of each night, without a look at the ledger.
snapshots as (

    select
        version.deal_key, version.source_deal_id, version.source_system, version.account, version._run_id, version._extracted_at, night.known_until,
        version.source_pipeline_id, version.source_stage_id, version.currency_code, version.deal_amount,
        version.is_deleted or version.merged_into_source_deal_id is not null as is_gone,
        row_number() over (partition by version.deal_key order by version._load_number desc, version._record_number desc) = 1 as is_newest
    from {{ versions }} as version
    inner join nights as night
        on version.source_system = night.source_system and version.account = night.account and version._run_id = night.run_id
    where
        version.deal_key in (select deal_key from news)
        {%- if late_histories %} and version.source_system not in ('{{ late_histories | join("', '") }}'){% endif %}
    qualify row_number() over (partition by version.deal_key, version._run_id order by version._load_number desc, version._record_number desc) = 1

),

known as (

    select
        snapshot.deal_key,
        snapshot._run_id,
        {% for field in ['stage', 'pipeline', 'amount', 'currency', 'status'] -%}
        nullif(max_by(coalesce(change.new_value, ''), (change.changed_at, change.sequence, change._record_number))
            filter (where change.field = '{{ field }}'), '') as ledger_{{ field }}{{ ',' if not loop.last }}
        {% endfor %}
    from snapshots as snapshot
    inner join {{ changes }} as change
        on snapshot.deal_key = change.deal_key and change.known_at <= snapshot.known_until
        and (change.retracted_at is null or change.retracted_at > snapshot.known_until)
    group by snapshot.deal_key, snapshot._run_id

),

moved as (

    select deal_key, sum(count_delta) as open_count, coalesce(sum(amount_delta), 0) as open_amount
    from {{ model }}
    where deal_key in (select deal_key from news)
    group by deal_key

),

-- A stage that was open once and closed another time is left out: a deal keeps the kind its stage had on entry.
kinds as (

    select stage_key, min(stage_kind) as stage_kind
    from {{ stages }}
    group by stage_key
    having min(stage_kind) = max(stage_kind)

)

select
    snapshot.deal_key as guilty_key, snapshot.source_deal_id, snapshot._run_id as night,
    known.ledger_stage, snapshot.source_stage_id as stated_stage, known.ledger_amount, snapshot.deal_amount as stated_amount, known.ledger_status,
    'What the ledger knew that night is not what the CRM showed that night: an event was lost, doubled, put out of order, or is known as of the wrong night.' as likely_cause
from snapshots as snapshot
left join known on snapshot.deal_key = known.deal_key and snapshot._run_id = known._run_id
where
    case
        when snapshot.is_gone then coalesce(known.ledger_status, 'live') = 'live'
        when known.ledger_status = 'merged' then false
        else coalesce(known.ledger_status, '') <> 'live'
            or known.ledger_stage is distinct from snapshot.source_stage_id or known.ledger_pipeline is distinct from snapshot.source_pipeline_id
            or cast(known.ledger_amount as decimal(18, 2)) is distinct from snapshot.deal_amount
            or known.ledger_currency is distinct from snapshot.currency_code
    end
union all
select
    snapshot.deal_key, snapshot.source_deal_id, snapshot._run_id, known.ledger_stage, snapshot.source_stage_id, cast(moved.open_amount as varchar),
    snapshot.deal_amount, known.ledger_status,
    'The movements of this deal do not add up to its newest record: a movement is missing, doubled or has a wrong amount. Look at its fct_deal_steps.'
from snapshots as snapshot
inner join known on snapshot.deal_key = known.deal_key and snapshot._run_id = known._run_id
inner join kinds
    on {{ stable_key('snapshot.source_system', 'snapshot.account', "snapshot.source_pipeline_id || '|' || snapshot.source_stage_id") }} = kinds.stage_key
left join moved on snapshot.deal_key = moved.deal_key
where
    -- a deal that was merged away has no record of its own to tell of it: its newest one may be older than its end
    snapshot.is_newest and not (not snapshot.is_gone and snapshot.deal_key in (
        select deal_key from {{ changes }} where field = 'status' and new_value = 'merged' and retracted_at is null
    ))
    and (
        coalesce(moved.open_count, 0) <> case when kinds.stage_kind = 'open' and not snapshot.is_gone then 1 else 0 end
        or coalesce(moved.open_amount, 0) <> case when kinds.stage_kind = 'open' and not snapshot.is_gone then coalesce(snapshot.deal_amount, 0) else 0 end
    )

{% endtest %}
