"""A small company for faults: two nights of exported files, a home in which the first is published, and what the second must publish.

The dbt project is a small one of its own, since these faults are the files' and not the marts': a table that grows by loads in the warehouse, facts and
dimensions in the marts' file, one table in the detail file. What a night publishes is compared value by value.
"""

from __future__ import annotations

import csv
import fcntl
import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from extractors.core.landing import MANIFEST, LandingWriter, read_manifest
from extractors.core.settings import Settings
from tests import small_project

ROOT = Path(__file__).parents[2]

#: tables about the runs themselves, and columns that say when and by which run something was learned
RUN_TABLES, RUN_COLUMNS = ("fct_loads", "dim_sources"), ("run_id", "known_at")

_MODELS = {
    "stg_deals": """{{ config(materialized='incremental', incremental_strategy='append', schema='staging') }}
        select _account, _source_id, _record_number, _is_deleted, _load_number, payload->>'deal_amount' as amount, payload->>'stage_id' as stage
        from raw.files__deals {{ only_new_loads() }}""",
    "dim_deals": """{{ config(database='marts', schema='main') }}
        select distinct on (_source_id) _source_id as source_deal_id, amount::decimal(18,2) as deal_amount, stage, _is_deleted as is_deleted
        from {{ ref('stg_deals') }} order by _source_id, _load_number desc, _record_number desc""",
    "fct_deal_versions": """{{ config(database='marts', schema='main', materialized='incremental', incremental_strategy='append') }}
        select _source_id as source_deal_id, amount, stage, _is_deleted as is_deleted, _load_number from {{ ref('stg_deals') }}
        {{ only_new_loads() }}""",
    "dim_companies": """{{ config(database='detail', schema='main') }}
        select distinct on (_source_id) _source_id as source_company_id, payload->>'company_name' as company_name
        from raw.files__companies order by _source_id, _load_number desc, _record_number desc""",
    "fct_loads": """{{ config(database='marts', schema='main', materialized='incremental', incremental_strategy='append') }}
        select distinct source_system, account, resource, run_id, load_number as _load_number, load_number from raw._loads
        {% if is_incremental() %} where load_number > (select coalesce(max(_load_number), 0) from {{ this }}) {% endif %}""",
    "dim_sources": """{{ config(database='marts', schema='main') }}
        select source_system, account, max(run_id) as run_id, max(data_through) as data_through, max(data_through) as warehouse_data_through
        from raw._loads group by all""",
}
_TESTS = """version: 2
models:
  - {name: dim_deals, columns: [{name: source_deal_id, data_tests: [not_null, unique]}]}
  - {name: dim_companies, columns: [{name: source_company_id, data_tests: [not_null, unique]}]}
"""


@dataclass(frozen=True)
class Stage:
    """`place` holds `home` (the first night published), `exports` (the folder of the second night) and `dbt_project`.

    `before` and `after`: the content that the first and the second night publish; `raw`: the versions that the second night holds.
    """

    place: Path
    before: str
    after: str
    raw: str

    @property
    def home(self) -> Path:
        return self.place / "home"

    @property
    def project(self) -> Path:
        return self.place / "dbt_project"

    def environment(self, home: Path) -> dict[str, str]:
        """What a night in a copy of the home is told."""
        return {
            "WATERTIGHT_HOME": str(home),
            "WATERTIGHT_FILES_DIR": str(self.place / "exports"),
            "WATERTIGHT_SOURCES": "files",
        }

    def copy(self, target: Path) -> Path:
        """A home of its own for one trial."""
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(self.home, target, symlinks=True)
        return target


def write_exports(folder: Path, night: int, deals: int) -> None:
    """The folder as it lies there on a night: on the second deals have moved, been made and vanished."""
    folder.mkdir(parents=True, exist_ok=True)
    rows: dict[str, list[dict[str, Any]]] = {
        "pipelines": [{"pipeline_id": "p", "pipeline_name": "New business"}],
        "stages": [
            {"pipeline_id": "p", "stage_id": f"s{n}", "stage_name": f"Stage {n}", "stage_order": n,
             "stage_kind": ("open", "open", "open", "won", "lost")[n]} for n in range(5)
        ],
        "companies": [{"company_id": f"c{n}", "company_name": f"Company {n} of night {night}"} for n in range(deals // 4)],
        "deals": [
            {"deal_id": f"d{n}", "pipeline_id": "p", "stage_id": f"s{(n + night * (n % 3)) % 3}", "created_at": "2026-03-01T09:00:00Z",
             "deal_amount": f"{(n * 7919) % 100000 + night}.{n % 100:02d}", "currency_code": "EUR", "company_id": f"c{n % (deals // 4)}"}
            for n in range(deals + 10 * night) if not (night == 2 and n % 29 == 0)
        ],
    }  # fmt: skip
    for name, records in rows.items():
        with (folder / f"{name}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(records[0]))
            writer.writeheader()
            writer.writerows(records)


def content(folder: Path, kinds: tuple[str, ...] = ("marts", "detail")) -> str:
    """The SHA-256 of a folder's marts and detail files: every table, sorted, without what the runs say of themselves."""
    found = hashlib.sha256()
    for kind in kinds:
        with duckdb.connect(str((folder / f"{kind}.duckdb").resolve()), read_only=True) as connection:
            tables = connection.execute("select table_name from duckdb_tables() order by all").fetchall()
            for (table,) in tables:
                if table in RUN_TABLES or table.startswith("mart_ops__"):
                    continue
                columns = [
                    row[0]
                    for row in connection.execute(
                        "select column_name from duckdb_columns() where table_name = $1 order by column_index", [table]
                    ).fetchall()
                    if row[0] not in RUN_COLUMNS and not row[0].startswith("_")
                ]
                names = ", ".join(f'"{name}"' for name in columns)
                found.update(f"{table}: {names}\n".encode())
                rows = connection.execute(f'select {names} from main."{table}" order by all').fetchall()
                found.update("\n".join(map(repr, rows)).encode())
    return found.hexdigest()


def versions(home: Path) -> str:
    """The SHA-256 of every version of every record that a home's raw tables hold, whichever load brought it."""
    found = hashlib.sha256()
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        for (table,) in connection.execute(
            "select table_name from duckdb_tables() where schema_name = 'raw' and table_name like 'files__%' order by all"
        ).fetchall():
            rows = connection.execute(
                f'select _source_id, _is_deleted, payload::varchar from raw."{table}" order by all'
            ).fetchall()
            found.update("\n".join([table, *map(repr, rows)]).encode())
    return found.hexdigest()


def settings_of(home: Path) -> Settings:
    """The settings of a home, for looking into it."""
    return Settings(home_dir=home, files_dir=home.parent / "exports", sources=("files",), _env_file=None)


def free_of_settings() -> dict[str, str]:
    """This process's environment without any setting."""
    prefixes = ("WATERTIGHT_", "HUBSPOT_", "PIPEDRIVE_", "SALESFORCE_", "TRYTON_")
    return {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}


def prepare(place: Path, deals: int = 200) -> Stage:
    """Makes the company, the project, and the two nights; the second only to know what it publishes."""
    from tests.faults.trials import trials

    place.mkdir(parents=True, exist_ok=True)
    stage = Stage(place, "", "", "")
    small_project.write(stage.project, {**{f"{name}.sql": text for name, text in _MODELS.items()}, "tests.yml": _TESTS})
    write_exports(stage.place / "exports", 1, deals)
    with trials(stage.project) as running:
        done = running.run("nightly", "--json", environment=stage.environment(stage.home))
        if done.code:
            raise RuntimeError(done.said)
        before = content(stage.home / "published")
        write_exports(stage.place / "exports", 2, deals)
        unfaulted = stage.copy(place / "unfaulted")
        done = running.run("nightly", "--json", environment=stage.environment(unfaulted))
        if done.code:
            raise RuntimeError(done.said)
        after, raw = content(unfaulted / "published"), versions(unfaulted)
        shutil.rmtree(unfaulted)
    (place / "stage.json").write_text(json.dumps({"before": before, "after": after, "raw": raw}))
    return Stage(place, before, after, raw)


def prepared(place: Path) -> Stage:
    """The same, made once: a later call goes on with it."""
    said = place / "stage.json"
    if not said.exists():
        shutil.rmtree(place, ignore_errors=True)
        return prepare(place)
    return Stage(place, **json.loads(said.read_text()))


def empty_listing(settings: Settings, resource: str) -> None:
    """Lands a complete list without a row, a later run's than any there."""
    [last] = sorted(settings.landing_dir.glob(f"files/*/{resource}/*"))[-1:]
    held = read_manifest(last / MANIFEST).manifest
    run_id = "20990101T000000Z-0000"
    landed = LandingWriter(last.with_name(run_id), extracted_at=held.extracted_at, run_id=run_id)
    said = {
        name: getattr(held, name)
        for name in held.__struct_fields__
        if name not in ("manifest_version", "rows", "parts")
    }
    landed.finish(said | {"run_id": run_id})


def stage_of_all(factory: pytest.TempPathFactory) -> Stage:
    """The same, once for a whole run of the tests: of several workers the first makes it and the others wait. Tests work on copies."""
    base = factory.getbasetemp()
    place = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "small-company"
    place.mkdir(exist_ok=True)
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return prepared(place / "stage")
