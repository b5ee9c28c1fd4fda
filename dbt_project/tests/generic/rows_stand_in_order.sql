{# Guards the streaming windows (macros/streams.sql): they see the rows as they lie in the table, so every deal has to lie in one piece and in its order. #}
{% test rows_stand_in_order(model, order) %}

select
    deal_key as guilty_key,
    {{ order }},
    'The rows of this deal do not lie together in their order: what is computed along them (transitions, versions, movements) is wrong. Build anew from the landing: watertight rebuild.'
        as likely_cause
from (
    select
        deal_key,
        {{ order }},
        lag(deal_key) over () as deal_key_before,
        lag({{ order }}) over () as order_before
    from {{ model }}
) as neighbours
where {{ order }} <> case when deal_key = deal_key_before then order_before + 1 else 1 end

{% endtest %}
