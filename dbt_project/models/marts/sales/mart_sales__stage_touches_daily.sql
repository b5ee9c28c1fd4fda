select
    outcomes.created_date,
    visits.pipeline_key,
    visits.stage_key,
    count(*) as touched_count,
    count(*) filter (where outcomes.deal_status = 'open') as touched_open_count
from {{ ref('fct_deal_stage_visits') }} as visits
inner join {{ ref('mart_sales__deal_outcomes') }} as outcomes on outcomes.deal_key = visits.deal_key
where visits.stage_kind = 'open' and visits.stage_visit_number = 1
    and outcomes.has_complete_history and visits.pipeline_key = outcomes.created_pipeline_key
group by outcomes.created_date, visits.pipeline_key, visits.stage_key
