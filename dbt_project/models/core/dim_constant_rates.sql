{{ config(materialized='ephemeral', contract={'enforced': false}) }}

select from_currency_code, max_by(exchange_rate, rate_date) as exchange_rate
from {{ ref('dim_exchange_rates') }}
where
    to_currency_code = '{{ var("currency") }}'
    {% if var("constant_rate_date") %}and rate_date = cast('{{ var("constant_rate_date") }}' as date){% endif %}
group by from_currency_code
