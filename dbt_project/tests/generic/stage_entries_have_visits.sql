{# Consistency test 5. A second witness of the stage history, where the CRM dates the latest entry into each stage and the latest exit: each
   entry has a visit, and the latest times agree to the minute. Runs of visits to one stage are one stay, as the CRM counts them. What was
   not dated exactly here is not compared: moves while a deal was deleted, and what happened in the hour before the deal was read (the CRM
   computes its dates with a lag). With `possibly_cut` only deals whose history may have been cut by the CRM itself, without it all others. #}
{% test stage_entries_have_visits(model, entries, stages, possibly_cut=false) %}

with

witnessed_deals as (

    select distinct deal_key from {{ entries }}

),

visits as (

    select
        visit.*,
        stage.source_stage_id,
        lag(stage.source_stage_id) over (partition by visit.deal_key order by visit.visit_number) as stage_before
    from {{ model }} as visit
    inner join witnessed_deals on visit.deal_key = witnessed_deals.deal_key
    left join {{ stages }} as stage on visit.stage_key = stage.stage_key and stage.is_current

),

stays as (

    select
        *,
        count(*) filter (where source_stage_id is distinct from stage_before) over (partition by deal_key order by visit_number) as stay_number,
        coalesce(bool_or(entry_kind = 'restored' and source_stage_id is distinct from stage_before) over (partition by deal_key), false) as is_undated
    from visits

),

latest_stays as (

    select
        deal_key, source_stage_id,
        max_by(entered_at, stay_number) as entered_at,
        max_by(exited_at, stay_number) as exited_at,
        max_by(is_current, stay_number) as is_current,
        bool_or(is_undated) as is_undated
    from (
        select
            deal_key, source_stage_id, stay_number, is_undated,
            min(entered_at) as entered_at,
            max_by(coalesce(exited_at, {{ end_of_time() }}), visit_number) as exited_at,
            bool_or(is_current) as is_current
        from stays
        group by deal_key, source_stage_id, stay_number, is_undated
    ) as stay
    group by deal_key, source_stage_id

),

live_deals as (

    select deal_key from {{ model }} where is_current

),

compared as (

    select
        entry.*,
        stay.entered_at as ledger_entered_at,
        stay.exited_at as ledger_exited_at,
        case
            when stay.deal_key is null then 'was never entered'
            when stay.is_undated then null
            when
                abs({{ hours_between('stay.entered_at', 'entry.entered_at') }}) > 1.0 / 60
                and stay.entered_at < entry.stated_at - interval '1' hour
                then 'was last entered at another time'
            when
                not stay.is_current and entry.exited_at >= entry.entered_at
                and abs({{ hours_between('stay.exited_at', 'entry.exited_at') }}) > 1.0 / 60
                and stay.exited_at < entry.stated_at - interval '1' hour
                then 'was last left at another time'
        end as disagreement
    from {{ entries }} as entry
    inner join live_deals on entry.deal_key = live_deals.deal_key
    left join latest_stays as stay on entry.deal_key = stay.deal_key and entry.source_stage_id = stay.source_stage_id
    where entry.is_history_possibly_cut = {{ possibly_cut }} and entry.entered_at is not null

)

select
    deal_key as guilty_key,
    source_system,
    source_deal_id,
    source_stage_id,
    entered_at as crm_entered_at,
    ledger_entered_at,
    exited_at as crm_exited_at,
    ledger_exited_at,
    'By the CRM''s own dates this stage was entered and left at these times; in the history it ' || disagreement
        || ': an event of the stage is missing, doubled or shifted. Read the deal again.' as likely_cause
from compared
where disagreement is not null

{% endtest %}
