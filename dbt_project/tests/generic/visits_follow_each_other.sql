{# Guards our own SQL: visits of a deal neither overlap nor leave a gap but where it was deleted, and a live deal stands in exactly one place. #}
{% test visits_follow_each_other(model, deals) %}

with

pairs as (

    select
        *,
        lead(entered_at) over (partition by deal_key order by visit_number) as next_entered_at
    from {{ model }}
    where deal_key in (select deal_key from {{ model }} where _load_number = (select max(_load_number) from {{ model }}))

)

select deal_key as guilty_key, 'Visits overlap or leave a gap: the order of the transitions is not total.' as likely_cause
from pairs
where
    exited_at < entered_at
    or (next_entered_at is not null and exit_kind not in ('deleted', 'merged') and next_entered_at is distinct from exited_at)
    or (next_entered_at is not null and is_current)
    or (next_entered_at is null and not is_current and exit_kind not in ('deleted', 'merged'))
union all
select deal.deal_key, 'A live deal has no current visit, or several: its stage is unknown.'
from {{ deals }} as deal
left join {{ model }} as visit on deal.deal_key = visit.deal_key and visit.is_current
group by deal.deal_key, deal.is_deleted
having count(visit.visit_key) <> case when deal.is_deleted then 0 else 1 end

{% endtest %}
