-- Every load of fct_loads is in the list of the night's loads once; how far behind its source it was is the distance of its two instants; the newest run is marked.
select
    coalesce(told.load_key, loads.load_key) as load_key, told.run_id, told.hours_behind, told.is_in_latest_run,
    'A load is missing from mart_ops__loads, or its age or its run is told wrongly.' as likely_cause
from {{ ref('fct_loads') }} as loads
full join {{ ref('mart_ops__loads') }} as told on told.load_key = loads.load_key
where told.load_key is null
    or loads.load_key is null
    or abs(told.hours_behind * 3600 - {{ hours_between('loads.data_through', 'loads.extracted_at') }} * 3600) > 1e-3
    or (told.hours_behind is null) <> (loads.data_through is null or loads.extracted_at is null)
    or told.is_in_latest_run <> (loads.run_id = (select max(newest.run_id) from {{ ref('fct_loads') }} as newest))
