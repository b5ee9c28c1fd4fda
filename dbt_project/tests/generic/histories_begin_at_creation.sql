{# The stage history of a deal begins when the deal does. Where it begins later its beginning was lost or cut, or the creation was dated back. #}
{% test histories_begin_at_creation(model, history) %}

select
    deal.deal_key as guilty_key,
    deal.source_system,
    deal.source_deal_id,
    deal.created_at,
    deal.history_complete_from,
    'The history of the stage begins later than the deal: its beginning was lost on the way or cut by the source, or the creation was dated back.'
        as likely_cause
from {{ model }} as deal
where
    {{ hours_between('deal.created_at', 'deal.history_complete_from') }} > 1.0 / 60
    and deal.deal_key in (
        select deal_key from {{ history }} where field = 'stage' and retracted_at is null
    )

{% endtest %}
