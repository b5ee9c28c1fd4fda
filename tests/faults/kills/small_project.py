"""A dbt project of a few models, made of the real one's parts: what is proved with it is the night's way, not the marts."""

from __future__ import annotations

import shutil
from pathlib import Path

from warehouse.build import DBT_PROJECT

_STAGED = "staging/hubspot/stg_hubspot__deals.sql"

_MODELS = {
    "dim_deals.sql": """{{ config(database='marts', schema='main', materialized='table') }}
        select distinct on (deal_id) deal_id as source_deal_id, dealname as deal_name, amount as deal_amount, dealstage as stage, _is_deleted as is_deleted
        from {{ ref('stg_hubspot__deals') }} order by deal_id, _load_number desc, _record_number desc""",
    "mart_sales__board.sql": """{{ config(database='marts', schema='main', materialized='table') }}
        select stage, count(*) as deals, sum(deal_amount) as amount from {{ ref('dim_deals') }} group by stage""",
    # what a load that is taken twice would show in
    "mart_sales__versions.sql": """{{ config(database='marts', schema='main', materialized='table') }}
        select deal_id as source_deal_id, count(*) as versions from {{ ref('stg_hubspot__deals') }} group by deal_id""",
    "dim_contacts.sql": """{{ config(database='detail', schema='main', materialized='table') }}
        select distinct on (_source_id) _source_id as source_contact_id, payload ->> '$.properties.email' as email
        from {{ source('raw', 'hubspot__contacts') }} order by _source_id, _load_number desc, _record_number desc""",
}

_SETTINGS = """name: watertight
version: 1.0.0
profile: watertight
flags: {send_anonymous_usage_stats: false}
vars: {timezone: UTC, currency: EUR, constant_rate_date: '', funnel_preset: eight_steps, custom_fields: {}}
models: {watertight: {staging: {+schema: staging, +materialized: incremental, +incremental_strategy: append}}}
"""

_TESTS = """version: 2
sources: [{name: raw, database: warehouse, schema: raw, tables: [{name: hubspot__deals}, {name: hubspot__contacts}]}]
models:
  - {name: dim_deals, columns: [{name: source_deal_id, data_tests: [not_null, unique]}]}
  - {name: mart_sales__board, columns: [{name: deals, data_tests: [not_null]}]}
"""


def write(place: Path) -> Path:
    """Writes the project into `place`, which must not be there yet, and returns it."""
    models = place / "models"
    (models / "staging").mkdir(parents=True)
    shutil.copytree(DBT_PROJECT / "macros", place / "macros")
    shutil.copy(DBT_PROJECT / "profiles.yml", place)
    shutil.copy(DBT_PROJECT / "models" / _STAGED, models / "staging")
    (place / "dbt_project.yml").write_text(_SETTINGS)
    (models / "_models.yml").write_text(_TESTS)
    for name, text in _MODELS.items():
        (models / name).write_text(text)
    return place
