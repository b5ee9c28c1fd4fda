with as_of as (

    select max(warehouse_data_through) as data_through
    from {{ ref('dim_sources') }}

),

-- a visit that is still open has lasted this long at least
stays as (

    select
        visits.stage_key,
        visits.deal_key,
        visits.hours_in_stage is not null as is_ended,
        greatest(coalesce(visits.hours_in_stage, {{ hours_between('visits.entered_at', 'as_of.data_through') }}), 0) / 24 as days_in_stage,
        -- how long the first known stay of a history without beginning lasted nobody knows
        outcomes.has_complete_history or visits.visit_number > 1 as is_known
    from {{ ref('fct_deal_stage_visits') }} as visits
    cross join as_of
    inner join {{ ref('mart_sales__deal_outcomes') }} as outcomes on outcomes.deal_key = visits.deal_key
    where visits.stage_kind = 'open' and not visits.is_transient

),

counts as (

    select
        stage_key,
        count(*) filter (where is_known) as visit_count,
        count(*) filter (where is_known and is_ended) as ended_count,
        count(distinct deal_key) filter (where is_known and is_ended) as deal_count,
        -- as decimals: a sum of doubles depends on the order in which threads add them
        cast(coalesce(sum(cast(days_in_stage as decimal(18, 9))) filter (where is_known and is_ended), 0) as double) as total_days,
        max(days_in_stage) filter (where is_known) as longest_days,
        {{ quantile('days_in_stage', '0.5') }} filter (where is_known and is_ended) as completed_median_days,
        {{ quantile('days_in_stage', '0.9') }} filter (where is_known and is_ended) as completed_p90_days,
        count(*) filter (where not is_known) as incomplete_history_count
    from stays
    group by stage_key

),

-- at risk of leaving: every visit that lasted at least as long. What lasted the same minutes is taken together: one that ended and one that is cut off then
-- were both at risk
durations as (

    select
        stage_key,
        max(days_in_stage) as days_in_stage,
        count(*) filter (where is_ended) as ended_count,
        sum(count(*)) over (partition by stage_key order by max(days_in_stage) desc rows between unbounded preceding and current row) as at_risk_count
    from stays
    where is_known
    group by stage_key, floor(days_in_stage * 1440)

),

-- Kaplan-Meier: the share still there is the product, over all moments at which somebody left, of the shares that stayed on
steps as (

    select
        stage_key, days_in_stage,
        at_risk_count = ended_count as is_last_gone,
        case when at_risk_count > ended_count then ln(1 - cast(ended_count as double) / at_risk_count) else 0 end as log_stayed,
        case when at_risk_count > ended_count
            then cast(ended_count as double) / (cast(at_risk_count as double) * (at_risk_count - ended_count)) else 0 end as variance
    from durations
    where ended_count > 0

),

curve as (

    select
        stage_key, days_in_stage, is_last_gone,
        case when is_last_gone then 0 else exp(sum(log_stayed) over so_far) end as still_there,
        sum(log_stayed) over so_far as log_still_there,
        sqrt(sum(variance) over so_far) as spread,
        lead(days_in_stage) over (partition by stage_key order by days_in_stage) as next_days
    from steps
    window so_far as (partition by stage_key order by days_in_stage rows between unbounded preceding and current row)

),

-- the interval of the curve on the scale ln(-ln), which keeps it between 0 and 1
bounded as (

    select
        *,
        case when is_last_gone then 0 else exp(log_still_there * exp(-1.959963984540054 * spread / log_still_there)) end as at_least_there,
        case when not is_last_gone then exp(log_still_there * exp(1.959963984540054 * spread / log_still_there)) end as at_most_there
    from curve

),

estimates as (

    -- the hair above a share is for shares that are the same but for rounding
    select
        bounded.stage_key,
        {% for name, share in [('p25_days', '0.75'), ('median_days', '0.5'), ('p75_days', '0.25'), ('p90_days', '0.1')] -%}
        min(bounded.days_in_stage) filter (where bounded.still_there <= {{ share }} + 1e-12) as {{ name }},
        {% endfor -%}
        min(bounded.days_in_stage) filter (where bounded.at_least_there <= 0.5 + 1e-12) as median_days_low,
        min(bounded.days_in_stage) filter (where bounded.at_most_there <= 0.5 + 1e-12) as median_days_high,
        cast(
            min(bounded.days_in_stage)
            + sum(cast(bounded.still_there * (coalesce(bounded.next_days, counts.longest_days) - bounded.days_in_stage) as decimal(38, 12)))
            as double) as restricted_mean_days
    from bounded
    inner join counts on counts.stage_key = bounded.stage_key
    group by bounded.stage_key

)

select
    stages.pipeline_key,
    stages.pipeline_name,
    counts.stage_key,
    stages.stage_name,
    stages.stage_order,
    counts.visit_count,
    counts.ended_count,
    counts.visit_count - counts.ended_count as open_visit_count,
    estimates.median_days,
    estimates.median_days_low,
    estimates.median_days_high,
    estimates.p25_days,
    estimates.p75_days,
    estimates.p90_days,
    estimates.restricted_mean_days,
    counts.longest_days as restricted_to_days,
    counts.total_days,
    {{ safe_ratio('counts.total_days', 'counts.ended_count') }} as mean_days,
    counts.deal_count,
    {{ safe_ratio('counts.total_days', 'counts.deal_count') }} as mean_days_per_deal,
    counts.completed_median_days,
    counts.completed_p90_days,
    counts.incomplete_history_count
from counts
left join estimates on estimates.stage_key = counts.stage_key
left join {{ ref('mart_sales__stages') }} as stages on stages.stage_key = counts.stage_key
