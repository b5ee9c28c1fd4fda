{{ config(materialized='ephemeral', contract={'enforced': false}) }}
-- depends_on: {{ ref('int_crm__stages') }}
{%- set steps = held('fct_deal_steps') %}

-- Deals with news, and deals in a stage that was listed only after they had been there: all, as long as no steps are held.
select deal_key from {{ ref('fct_deal_changes') }}
{% if steps %}
where _load_number > {{ newest_load(steps) }}
union
select deal_key
from {{ steps }}
where stage_key in (
    select stage_key from {{ ref('int_crm__stages') }} where _first_load_number > {{ newest_load(steps) }}
)
{% endif %}
