{# A history that the source gives apart from its deals names only deals that are held. #}
{% test histories_have_deals(model, history) %}

select
    history.deal_key as guilty_key,
    any_value(history.field) as field,
    count(*) as change_count,
    max(history.changed_at) as last_changed_at,
    'The source tells the history of a deal that it did not give: the deal was lost on the way, or erased before it was first read.' as likely_cause
from {{ history }} as history
left join {{ model }} as deal on history.deal_key = deal.deal_key
where deal.deal_key is null
group by history.deal_key

{% endtest %}
