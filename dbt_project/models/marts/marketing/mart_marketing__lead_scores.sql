with bands as (

    select
        score_band,
        count(*) as lead_count,
        min(score) as lowest_score,
        max(score) as highest_score,
        count(*) filter (where is_customer) as customer_count
    from {{ ref('mart_marketing__scored_leads') }}
    group by score_band

)

select
    score_band,
    lowest_score,
    highest_score,
    lead_count,
    customer_count,
    {{ safe_ratio('customer_count', 'lead_count') }} as conversion_rate,
    {{ wilson_low('customer_count', 'lead_count') }} as conversion_rate_low,
    {{ wilson_high('customer_count', 'lead_count') }} as conversion_rate_high,
    {{ safe_ratio('customer_count * sum(lead_count) over ()', 'lead_count * sum(customer_count) over ()') }} as lift_ratio
from bands
