{# The rates from stage to stage of the CRM's own statistics, in whole per cent, against the moves between open stages that the ledger has of the same deals: those
   the seller has now. Left out: stages from which a deal of his was closed, since a move at or after closing is none here, and sellers with a deal whose
   history is not told by the CRM from its beginning. #}
{% test conversions_equal_statistics(model, deals, stated) %}

with

periods as (

    select distinct source_system, account, pipeline_key, owner_key, start_date, end_date from {{ stated }}

),

moves as (

    select
        period.pipeline_key, period.owner_key, period.start_date, period.end_date, transition.from_stage_key, transition.to_stage_key,
        transition.from_pipeline_key = transition.to_pipeline_key and transition.from_stage_kind = 'open' and transition.to_stage_kind = 'open' as is_counted,
        transition.change_source <> 'crm_history' as is_told_otherwise
    from {{ model }} as transition
    inner join {{ deals }} as deal on transition.deal_key = deal.deal_key
    inner join periods as period
        on deal.owner_key = period.owner_key and transition.from_pipeline_key = period.pipeline_key
        and cast(transition.transitioned_at as date) <= period.end_date
    where
        deal.deal_status not in ('deleted', 'merged') and transition.from_stage_key is not null and transition.to_stage_key is not null
        and (cast(transition.transitioned_at as date) >= period.start_date or transition.to_stage_kind <> 'open')

),

-- Stages that nothing but moves between open stages left.
clear_stages as (

    select pipeline_key, owner_key, start_date, from_stage_key, count(*) as moved_count
    from moves
    group by pipeline_key, owner_key, start_date, from_stage_key
    having count(*) filter (where not is_counted) = 0

),

incomplete_sellers as (

    select distinct owner_key
    from {{ deals }}
    where deal_status not in ('deleted', 'merged') and history_complete_from > created_at
    union
    select owner_key from moves where is_told_otherwise

),

counted as (

    select pipeline_key, owner_key, start_date, from_stage_key, to_stage_key, count(*) as moved_count
    from moves
    where is_counted
    group by pipeline_key, owner_key, start_date, from_stage_key, to_stage_key

)

select
    stated.owner_key as guilty_key,
    stated.source_system,
    stated.account,
    stated.pipeline_key,
    stated.from_stage_key,
    stated.to_stage_key,
    stated.start_date,
    stated.end_date,
    stated.conversion_rate as stated_rate,
    coalesce(counted.moved_count, 0) as moved_count,
    clear_stages.moved_count as moved_in_all_count,
    'The CRM has another rate between these stages than the ledger: a move between them was lost, doubled or has another day.' as likely_cause
from {{ stated }} as stated
inner join clear_stages using (pipeline_key, owner_key, start_date, from_stage_key)
left join counted using (pipeline_key, owner_key, start_date, from_stage_key, to_stage_key)
where
    stated.owner_key not in (select owner_key from incomplete_sellers)
    and abs(stated.conversion_rate - coalesce(counted.moved_count, 0) * 1.0 / clear_stages.moved_count) > 0.0051

{% endtest %}
