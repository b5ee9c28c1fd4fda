{# Guards the streaming windows (macros/streams.sql): they see the rows as they lie in the table, so every deal has to lie in one piece and in its order.
   order: an expression, of several columns in brackets. is_numbered: it is a number from 1 without gaps. #}
{% test rows_stand_in_order(model, order, is_numbered=true) %}

with

neighbours as (

    select
        deal_key,
        {{ order }} as place,
        lag(deal_key) over () as deal_key_before,
        lag({{ order }}) over () as place_before
    from {{ model }}

),

torn as (

    select deal_key from neighbours where deal_key is distinct from deal_key_before group by deal_key having count(*) > 1

)

select
    deal_key as guilty_key,
    place,
    'The rows of this deal do not lie together in their order: what is computed along them (transitions, versions, movements) is wrong. Build anew from the landing: watertight rebuild.'
        as likely_cause
from neighbours
where
    {% if is_numbered -%}
    place <> case when deal_key = deal_key_before then place_before + 1 else 1 end
    {%- else -%}
    (deal_key = deal_key_before and place <= place_before)
    {%- endif %}
    or deal_key in (select deal_key from torn)

{% endtest %}
