{# Consistency test 3, deal by deal: the movements up to an instant add up to the version valid from it - one open deal with its amount in that stage, with
   that owner and in that currency, or none. The model is the versions, which are read from the changes alone; the movements come from the transitions. #}
{% test movements_equal_versions(model, movements) %}

{% set holder = ['pipeline_key', 'stage_key', 'owner_key', "coalesce(currency_code, '')"] | join(', ') %}
with

entries as (

    select
        deal_key, pipeline_key, stage_key, owner_key, currency_code, moved_at as happened_at, 0 as is_version, count_delta,
        coalesce(amount_delta, 0) as amount_delta, null as deal_status, null as deal_amount
    from {{ movements }}
    union all
    select deal_key, pipeline_key, stage_key, owner_key, currency_code, valid_from, 1, 0, 0, deal_status, deal_amount
    from {{ model }}

),

running as (

    select
        *,
        sum(count_delta) over of_deal as deal_count,
        sum(amount_delta) over of_deal as deal_total,
        sum(count_delta) over of_holder as holder_count,
        sum(amount_delta) over of_holder as holder_total
    from entries
    window
        of_deal as (partition by deal_key order by happened_at, is_version rows between unbounded preceding and current row),
        of_holder as (partition by deal_key, {{ holder }} order by happened_at, is_version rows between unbounded preceding and current row)

)

select
    deal_key, happened_at, deal_status, deal_amount, deal_count, deal_total, holder_count, holder_total,
    'Versions and movements disagree: a transition, or a change of amount, owner or currency, is missing from one of the two or doubled. Look at fct_deal_steps of the deal.'
        as likely_cause
from running
where
    is_version = 1
    and (
        deal_count <> case when deal_status = 'open' then 1 else 0 end
        or deal_total <> case when deal_status = 'open' then coalesce(deal_amount, 0) else 0 end
        or (deal_status = 'open' and (holder_count <> 1 or holder_total <> coalesce(deal_amount, 0)))
    )

{% endtest %}
