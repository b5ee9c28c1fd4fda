{{ config(materialized='ephemeral', contract={'enforced': false}) }}
-- depends_on: {{ ref('fct_deal_news') }}

-- Tonight's, where steps are held: what reads them would go through the whole history for a few deals.
select deal_key, changed_at, sequence, _record_number, field, old_value, new_value, change_source, _load_number
from {{ ref('fct_deal_changes') }}
where
    retracted_at is null
    {% if held('fct_deal_steps') %}and {{ of_changed_deals(ref('fct_deal_changes'), ref('fct_deal_news')) }}{% endif %}
