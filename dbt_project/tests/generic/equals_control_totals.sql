{# Consistency test 4. Count and amount per pipeline and stage against the newest totals of each kind that the source gave, as of their
   instant. A row without currency and amount counts all currencies, any other row its own. Ids that changed in between may count on either
   side, no more; where the counts agree without them, the amounts have to. So may deals of which a later run learnt something dated
   before that instant: the CRM did not know it either when it gave the totals.

   A count that is asked without listing ids sees a deal that was erased without a trace before the next sweep does. A move that was missed
   leaves one stage too full and another too empty; nights on which stages are only too full are therefore told apart (`until_next_sweep`)
   and warned about, and are an error from the sweep on. #}
{% test equals_control_totals(model, changes, deals, totals, until_next_sweep=false) %}

with

theirs as (

    select
        source_system, account, resource, as_of, excluded_ids, pipeline_id, stage_id,
        currency_code is null and deal_amount is null as is_all_currencies,
        coalesce(currency_code, '') as currency_code,
        deal_count,
        deal_amount,
        load_number
    from {{ totals }}
    qualify load_number = max(load_number) over (partition by source_system, account, resource)

),

asked as (

    select distinct
        theirs.source_system, theirs.account, theirs.resource, theirs.as_of, theirs.excluded_ids, theirs.is_all_currencies,
        load.extracted_at as listed_at,
        run.read_until
    from theirs
    left join {{ source('raw', '_loads') }} as load on theirs.load_number = load.load_number
    left join (
        select run_id, max(extracted_at) as read_until from {{ source('raw', '_loads') }} group by run_id
    ) as run on load.run_id = run.run_id

),

learnt_since as (

    select distinct change.deal_key, asked.source_system, asked.account, asked.as_of
    from {{ changes }} as change
    inner join {{ deals }} as deal on change.deal_key = deal.deal_key
    inner join asked
        on deal.source_system = asked.source_system and deal.account = asked.account and change.changed_at <= asked.as_of
        and (change.known_at > asked.read_until or change.retracted_at > asked.read_until)

),

amounts as (

    select
        change.deal_key, asked.as_of,
        cast(nullif(max_by(coalesce(change.new_value, ''), (change.changed_at, change.sequence, change._record_number)), '') as decimal(18, 2)) as amount
    from {{ changes }} as change
    inner join {{ deals }} as deal on change.deal_key = deal.deal_key
    inner join (select distinct source_system, account, as_of from asked) as asked
        on deal.source_system = asked.source_system and deal.account = asked.account and change.changed_at <= asked.as_of
    where change.field = 'amount' and change.retracted_at is null
    group by change.deal_key, asked.as_of

),

currencies as (

    select
        change.deal_key, asked.as_of,
        max_by(coalesce(change.new_value, ''), (change.changed_at, change.sequence, change._record_number)) as currency_code
    from {{ changes }} as change
    inner join {{ deals }} as deal on change.deal_key = deal.deal_key
    inner join (select distinct source_system, account, as_of from asked) as asked
        on deal.source_system = asked.source_system and deal.account = asked.account and change.changed_at <= asked.as_of
    where change.field = 'currency' and change.retracted_at is null
    group by change.deal_key, asked.as_of

),

placed as (

    select
        asked.*,
        stage.source_pipeline_id as pipeline_id,
        stage.source_stage_id as stage_id,
        case when asked.is_all_currencies then '' else coalesce(currencies.currency_code, '') end as currency_code,
        coalesce(list_contains(asked.excluded_ids, deal.source_deal_id), false) or learnt_since.deal_key is not null as is_excluded,
        coalesce(amounts.amount, 0) as amount
    from {{ model }} as visit
    inner join {{ deals }} as deal on visit.deal_key = deal.deal_key
    inner join asked
        on deal.source_system = asked.source_system and deal.account = asked.account
        and visit.entered_at <= asked.as_of and (visit.exited_at is null or visit.exited_at > asked.as_of)
        -- a deal that this very listing showed to be gone was gone already
        and not (coalesce(visit.exit_kind = 'deleted', false) and visit.exited_at = asked.listed_at)
    left join {{ ref('dim_stages') }} as stage on visit.stage_key = stage.stage_key and stage.is_current
    left join amounts on visit.deal_key = amounts.deal_key and asked.as_of = amounts.as_of
    left join currencies on visit.deal_key = currencies.deal_key and asked.as_of = currencies.as_of
    left join learnt_since on visit.deal_key = learnt_since.deal_key and asked.as_of = learnt_since.as_of

),

ours as (

    select
        source_system, account, resource, is_all_currencies, pipeline_id, stage_id, currency_code,
        count(*) filter (where not is_excluded) as deal_count,
        coalesce(sum(amount) filter (where not is_excluded), 0) as deal_amount
    from placed
    group by all

),

compared as (

    select
        source_system, account, resource, is_all_currencies, pipeline_id, stage_id, currency_code,
        coalesce(theirs.deal_count, 0) as source_count,
        coalesce(ours.deal_count, 0) as warehouse_count,
        theirs.deal_amount as source_amount,
        coalesce(ours.deal_amount, 0) as warehouse_amount
    from theirs
    full join ours using (source_system, account, resource, is_all_currencies, pipeline_id, stage_id, currency_code)

),

-- Sets of totals that came without a list of ids and in which no stage is too empty.
only_too_full as (

    select source_system, account, resource, is_all_currencies
    from compared
    -- a sweep and a landing of the whole state see what was erased: nothing is left to wait for
    where (source_system, resource) not in (
        select (source_system, resource) from {{ source('raw', '_loads') }} where sweep_of is not null or mode = 'complete'
    )
    group by all
    having count(*) filter (where warehouse_count < source_count) = 0

),

-- Deals that may count on either side.
not_comparable as (

    select
        source_system, account, resource, is_all_currencies,
        coalesce(len(any_value(asked.excluded_ids)), 0) + count(learnt_since.deal_key) as deal_count
    from asked
    left join learnt_since using (source_system, account, as_of)
    group by source_system, account, resource, is_all_currencies

)

select
    compared.source_system || '|' || compared.account || '|' || coalesce(compared.pipeline_id, '?') || '|' || coalesce(compared.stage_id, '?') as guilty_key,
    compared.*,
    not_comparable.deal_count as not_comparable_count,
    case
        when only_too_full.resource is not null and compared.warehouse_count > compared.source_count
            then 'The CRM no longer counts a deal held here: erased or merged without a trace. The next sweep marks it.'
        when compared.warehouse_count < compared.source_count
            then 'Deals are missing here: they were not extracted, or a move into this stage was lost.'
        when compared.warehouse_count > compared.source_count
            then 'Too many deals here: a move out of this stage, a deletion or a merge was missed.'
        else 'The deals agree and their amounts do not: a change of an amount was lost.'
    end as likely_cause
from compared
inner join not_comparable using (source_system, account, resource, is_all_currencies)
left join only_too_full using (source_system, account, resource, is_all_currencies)
where
    (only_too_full.resource is not null and compared.warehouse_count > compared.source_count) = {{ until_next_sweep }}
    and (
        compared.source_count not between compared.warehouse_count and compared.warehouse_count + not_comparable.deal_count
        or (compared.source_count = compared.warehouse_count and compared.source_amount <> compared.warehouse_amount)
    )

{% endtest %}
