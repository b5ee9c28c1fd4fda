-- Freshness has one row per source, and what it says is behind lies before the moment that all of the newest run is complete to.
select
    sources.source_key, sources.source_system, freshness.hours_behind, freshness.is_behind,
    'mart_ops__freshness tells another delay than the two instants beside it.' as likely_cause
from {{ ref('dim_sources') }} as sources
full join {{ ref('mart_ops__freshness') }} as freshness on freshness.source_key = sources.source_key
where
    freshness.source_key is null
    or sources.source_key is null
    or freshness.data_through <> sources.data_through
    or freshness.warehouse_data_through <> sources.warehouse_data_through
    or abs(freshness.hours_behind - (epoch(sources.warehouse_data_through) - epoch(sources.data_through)) / 3600) > 1e-6
    or freshness.is_behind <> (sources.data_through < sources.warehouse_data_through)
