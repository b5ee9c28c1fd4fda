"""Landing files to raw tables, the dbt build, verification and publication. Imports no HTTP."""
