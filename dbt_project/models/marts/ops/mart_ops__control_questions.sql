{{ config(materialized='ephemeral', contract={'enforced': false}) }}
{%- set answered = held('mart_ops__reconciliation') %}
with

nights as (

    select run_id, max(extracted_at) as known_until_at from {{ ref('fct_loads') }} group by run_id

)

select distinct
    total.control_key,
    total.source_system,
    total.account,
    total.resource,
    total.run_id,
    total.as_of_at,
    total.listed_at,
    night.known_until_at,
    total.is_listed,
    total.is_all_currencies,
    total._load_number as load_number
from {{ ref('fct_control_totals') }} as total
left join nights as night on total.run_id = night.run_id
{% if answered %}where total._load_number > (select coalesce(max(load_number), 0) from {{ answered }}){% endif %}
