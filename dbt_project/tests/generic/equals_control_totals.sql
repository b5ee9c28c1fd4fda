{# Consistency test 4. The newest figures of each kind that a source gave of itself, against the warehouse's, as mart_ops__reconciliation has judged them.

   A count that is asked without listing ids sees a deal that was erased without a trace before the next list does. A move that was missed
   leaves one stage too full and another too empty; nights on which stages are only too full are therefore told apart (`until_next_sweep`)
   and warned about, and are an error from the list on.

   Where the source has listed its deals since the figures' instant, those that the list and the ledger place differently are named. #}
{% test equals_control_totals(model, deals, listed, until_next_sweep=false) %}

with

newest as (

    select *
    from {{ model }}
    qualify load_number = max(load_number) over (partition by source_system, account, resource)

),

guilty as (

    select * from newest where {{ "verdict = 'fuller_until_sweep'" if until_next_sweep else 'is_fault' }}

),

-- Deals that are in one stage by the list and in another, or in none, by the ledger.
placed_differently as (

    select
        coalesce(listed.source_system, deal.source_system) as source_system,
        coalesce(listed.account, deal.account) as account,
        coalesce(listed.source_deal_id, deal.source_deal_id) as source_deal_id,
        max(listed.listed_at) over (partition by coalesce(listed.source_system, deal.source_system), coalesce(listed.account, deal.account)) as listed_at,
        listed.stage_key as listed_stage_key,
        deal.stage_key as ledger_stage_key
    from (select * from {{ listed }} where is_listed) as listed
    full join (select * from {{ deals }} where deal_status not in ('deleted', 'merged')) as deal
        on listed.source_system = deal.source_system and listed.account = deal.account and listed.source_deal_id = deal.source_deal_id
    where
        (select count(*) from guilty) > 0
        and (listed.source_deal_id is null or deal.source_deal_id is null or listed.stage_key <> deal.stage_key)

),

suspects as (

    select
        guilty.reconciliation_key,
        string_agg(suspect.source_deal_id, ' ' order by suspect.source_deal_id) as source_deal_ids
    from guilty
    inner join placed_differently as suspect
        on guilty.source_system = suspect.source_system and guilty.account = suspect.account and suspect.listed_at >= guilty.as_of_at
        and (
            (guilty.difference > 0 and coalesce(suspect.listed_stage_key, guilty.stage_key) = guilty.stage_key and suspect.ledger_stage_key is distinct from guilty.stage_key)
            or (guilty.difference < 0 and suspect.ledger_stage_key = guilty.stage_key)
        )
    group by guilty.reconciliation_key
    having count(*) <= 20

)

select
    guilty.source_system || '|' || guilty.account || '|' || coalesce(guilty.source_pipeline_id, '?') || '|' || coalesce(guilty.source_stage_id, '?') as guilty_key,
    guilty.pipeline_name,
    guilty.stage_name,
    guilty.currency_code,
    guilty.measure,
    guilty.source_figure,
    guilty.warehouse_figure,
    nullif(guilty.not_comparable_count, 0) as not_comparable_count,
    suspects.source_deal_ids,
    guilty.run_id,
    case guilty.verdict
        when 'fuller_until_sweep' then 'The CRM no longer counts a deal held here: erased or merged without a trace. The next sweep marks it.'
        when 'too_few' then 'Deals are missing here: they were not extracted, or a move into this stage was lost.'
        when 'too_many' then 'Too many deals here: a move out of this stage, a deletion or a merge was missed.'
        else 'The deals agree and their amounts do not: a change of an amount was lost.'
    end as likely_cause
from guilty
left join suspects on guilty.reconciliation_key = suspects.reconciliation_key

{% endtest %}
