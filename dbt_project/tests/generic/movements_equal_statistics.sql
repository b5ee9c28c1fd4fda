{# Which deals the CRM's own statistics say were created, won and lost in a period of whole UTC days, against the transitions of those days. A deal that was
   won twice counts once. Left out: deals that are gone (the CRM leaves them out too, as of when it was asked), and deals of whose history the beginning
   or the move itself is not told by the CRM but seen or inferred here. #}
{% test movements_equal_statistics(model, deals, stated) %}

with

comparable_deals as (

    select deal_key, source_deal_id
    from {{ deals }}
    where deal_status not in ('deleted', 'merged') and history_complete_from <= created_at
    and deal_key not in (select deal_key from {{ model }} where change_source <> 'crm_history' and transition_kind <> 'created')

),

periods as (

    select distinct source_system, account, pipeline_key, start_date, end_date, movement from {{ stated }}

),

moved as (

    select distinct
        period.source_system, period.account, period.pipeline_key, period.start_date, period.end_date, period.movement, transition.deal_key
    from {{ model }} as transition
    inner join periods as period
        on transition.to_pipeline_key = period.pipeline_key and cast(transition.transitioned_at as date) between period.start_date and period.end_date
        and period.movement = case
            when transition.transition_kind = 'created' then 'created'
            when transition.to_stage_kind in ('won', 'lost') and transition.to_stage_kind is distinct from transition.from_stage_kind then transition.to_stage_kind
        end

)

select
    coalesce(stated.deal_key, moved.deal_key) as guilty_key,
    deal.source_deal_id,
    coalesce(stated.source_system, moved.source_system) as source_system,
    coalesce(stated.account, moved.account) as account,
    coalesce(stated.movement, moved.movement) as movement,
    coalesce(stated.start_date, moved.start_date) as start_date,
    coalesce(stated.end_date, moved.end_date) as end_date,
    case
        when moved.deal_key is null then 'The CRM counts this deal as created, won or lost in that period and the ledger does not: an event was lost or has another day.'
        else 'The ledger has this deal created, won or lost in that period and the CRM does not count it: an event was doubled or has another day or pipeline.'
    end as likely_cause
from (select * from {{ stated }} where deal_key is not null) as stated
full join moved using (source_system, account, pipeline_key, start_date, end_date, movement, deal_key)
inner join comparable_deals as deal on coalesce(stated.deal_key, moved.deal_key) = deal.deal_key
where stated.deal_key is null or moved.deal_key is null

{% endtest %}
