-- Amounts that were converted say into what and how: the reporting currency, at the rate of the event's day.
{% for mart in ['cohort_partition', 'expected_deals', 'funnel', 'leakage', 'pipeline_board', 'pipeline_daily', 'pipeline_waterfall', 'slippage', 'win_rates'] -%}
select
    'mart_sales__{{ mart }}' as mart, currency_code, amount_basis, count(*) as row_count,
    'The mart''s amounts are told in another currency or basis than they were converted to.' as likely_cause
from {{ ref('mart_sales__' ~ mart) }}
where currency_code is distinct from '{{ var("currency") }}' or amount_basis is distinct from 'booked'
group by currency_code, amount_basis
{{ 'union all' if not loop.last }}
{% endfor %}
