"""How the warehouse's file is opened: by everybody alike, within the settings' memory, spilling beside the file."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
import yaml
from jinja2 import Template

from extractors.core.settings import Settings
from warehouse.build import DBT_PROJECT
from warehouse.database import ROW_GROUP_ROWS, STORAGE_VERSION, writer

pytestmark = pytest.mark.unit

ROWS = 40_000


def rendered(name: str) -> str:
    """A file of the dbt project with the defaults of what it takes from the environment."""
    text = (DBT_PROJECT / name).read_text()
    return Template(text).render(env_var=lambda name, default="place": default)


def groups(path: Path) -> int:
    with duckdb.connect(str(path), read_only=True) as connection:
        row = connection.execute("select count(distinct row_group_id) from pragma_storage_info('payloads')").fetchone()
    assert row
    return int(row[0])


def test_dbt_opens_the_warehouse_as_the_loader_does() -> None:
    profile = yaml.safe_load(rendered("profiles.yml"))["watertight"]["outputs"]["duckdb"]
    (warehouse,) = (each for each in profile["attach"] if each["alias"] == profile["database"])
    assert warehouse["options"] == {"row_group_size": ROW_GROUP_ROWS, "storage_version": STORAGE_VERSION}
    defaults = Settings.model_fields
    assert profile["settings"]["memory_limit"] == f"{defaults['memory_mb'].default}MB"
    assert profile["config_options"]["temp_directory"].endswith(".tmp")
    assert profile["settings"]["threads"] == f"{defaults['threads'].default}"
    staging = yaml.safe_load(rendered("dbt_project.yml"))["models"]["watertight"]["staging"]
    assert staging["+pre-hook"] == f"set memory_limit = '{defaults['ingest_memory_mb'].default}MB'"
    assert staging["+post-hook"] == f"set memory_limit = '{defaults['memory_mb'].default}MB'"


def test_what_was_written_in_small_groups_stays_so(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    with writer(path, 300) as connection:
        connection.execute(f"create table payloads as select repeat('x', 100) || range as payload from range({ROWS})")
    written = groups(path)
    assert written >= ROWS // ROW_GROUP_ROWS
    with writer(path, 300) as connection:
        connection.execute("create table other as select 1 as number")
        connection.execute("checkpoint")
    assert groups(path) == written


def test_what_does_not_fit_goes_beside_the_file(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    beside = Path(f"{path}.tmp")
    with writer(path, 60) as connection:
        limit = connection.execute("select current_setting('memory_limit'), current_setting('temp_directory')")
        assert limit.fetchone() == ("57.2 MiB", str(beside))
        connection.execute(
            "create temp table big as select range as number, repeat('y', 200) || md5(range::varchar) as text from range(600000)"
        )
        assert sum(each.stat().st_size for each in beside.iterdir()) > 2**20
    assert not beside.exists()
