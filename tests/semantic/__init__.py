"""The semantic layer (dbt_project/semantic) and `mart_metrics__values` say the same: two ways of counting, held against each other."""
