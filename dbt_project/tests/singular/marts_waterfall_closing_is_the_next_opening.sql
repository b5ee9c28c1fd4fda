-- Where one period ends the next begins, for every grain and pipeline.
with neighbours as (

    select
        *,
        lag(closing_count) over in_order as closing_count_before,
        lag(closing_amount) over in_order as closing_amount_before,
        lag(closing_unconverted_count) over in_order as unconverted_count_before,
        row_number() over in_order as period_number
    from {{ ref('mart_sales__pipeline_waterfall') }}
    where waterfall_form = 'all_open'
    window in_order as (partition by period_grain, dimension, dimension_key order by period_start)

)

select
    period_grain, period_start, dimension, dimension_value, opening_count, closing_count_before, opening_amount, closing_amount_before,
    'A day is missing from or doubled in mart_sales__waterfall_days or mart_sales__currency_days: a period does not begin where the one before it ends.' as likely_cause
from neighbours
where opening_count <> coalesce(closing_count_before, 0)
    or opening_amount <> coalesce(closing_amount_before, 0)
    or opening_unconverted_count <> coalesce(unconverted_count_before, 0)
