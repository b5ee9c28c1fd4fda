{{ config(materialized='ephemeral', contract={'enforced': false}) }}
-- depends_on: {{ ref('fct_deal_news') }}
with

-- Tonight's, where steps are held: the joins below would go through the whole history for a few deals.
changes as (

    select deal_key, changed_at, sequence, _record_number, field, old_value, new_value, change_source, _load_number
    from {{ ref('fct_deal_changes') }}
    where
        retracted_at is null
        {% if held('fct_deal_steps') %}and deal_key in (select deal_key from {{ ref('fct_deal_news') }}){% endif %}

)

-- Within an instant amount, currency, owner and expected close come first, then the creation, the moves in the source's order, the end of a deal.
select
    change.deal_key, change.changed_at, change.sequence, change._record_number, change.field, change.new_value,
    change.change_source, change._load_number, deal.source_system, deal.account,
    pair.pipeline_id as paired_pipeline_id,
    case
        when change.field = 'status' and change.new_value <> 'live' then 3
        when change.field in ('stage', 'pipeline', 'status') and change.old_value is not null then 2
        when change.field = 'stage' then 1
        else 0
    end as step_order
from changes as change
inner join {{ ref('int_crm__deals') }} as deal on change.deal_key = deal.deal_key
left join {{ ref('fct_deal_pipeline_moves') }} as pair
    on change.field = 'stage' and change.deal_key = pair.deal_key and change.changed_at = pair.changed_at
    and change.sequence = pair.sequence and change._record_number = pair._record_number
left join {{ ref('fct_deal_pipeline_moves') }} as absorbed
    on change.field = 'pipeline' and change.deal_key = absorbed.deal_key and change.changed_at = absorbed.changed_at
    and change.sequence = absorbed.pipeline_sequence and change._record_number = absorbed.pipeline_record_number
where absorbed.deal_key is null
