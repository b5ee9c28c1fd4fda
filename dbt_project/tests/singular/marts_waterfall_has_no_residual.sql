-- Opening and buckets and exchange rate are the closing, in count and to the cent.
select
    waterfall_form, period_grain, period_start, dimension, dimension_value, residual_count, residual_amount,
    'A movement is missing from fct_pipeline_movements or doubled, or the versions miss a change: run the test of consistency 3 on fct_deal_versions.'
        as likely_cause
from {{ ref('mart_sales__pipeline_waterfall') }}
where residual_count <> 0 or residual_amount <> 0
