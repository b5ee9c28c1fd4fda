-- Amounts of marketing and customers say into what and how they were converted: the reporting currency, at the rate of the event's day.
{% for mart in [
    'mart_marketing__lead_wins', 'mart_marketing__cut_leads', 'mart_marketing__lead_filter', 'mart_marketing__cost_per_lead', 'mart_marketing__romi',
    'mart_customers__purchases', 'mart_customers__customers', 'mart_customers__expansions', 'mart_customers__won_deals', 'mart_customers__value_delivered',
    'mart_customers__unit_economics',
] -%}
select
    '{{ mart }}' as mart, currency_code, amount_basis, count(*) as row_count,
    'The mart''s amounts are told in another currency or basis than they were converted to.' as likely_cause
from {{ ref(mart) }}
where currency_code is distinct from '{{ var("currency") }}' or amount_basis is distinct from 'booked'
group by currency_code, amount_basis
{{ 'union all' if not loop.last }}
{% endfor %}
