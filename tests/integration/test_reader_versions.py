"""Whoever reads what is published with a DuckDB older or newer than ours finds every table and every value."""

from __future__ import annotations

import json
import os
from pathlib import Path

import duckdb
import pytest
import yaml

from tests.demonstration import first_night_of_all
from tests.environments import kept, run

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
#: lock → the version that it must be
READERS = {"requirements-reader-oldest.lock": "1.1.3", "requirements-duckdb2.lock": "2.0.0"}

_READ = """
import json, sys
import duckdb

found = {"version": duckdb.__version__}
for path in sys.argv[1:]:
    with duckdb.connect(path, read_only=True) as connection:
        tables = [name for (name,) in connection.execute("select table_name from duckdb_tables() order by all").fetchall()]
        found[path] = {
            table: [str(value) for value in connection.execute(f'select count(*), max(columns(*)) from "{table}"').fetchall()[0]]
            for table in tables
        }
print(json.dumps(found))
"""
_MAKE = """
import sys
import duckdb

with duckdb.connect() as connection:
    connection.execute(f"attach '{sys.argv[1]}' as made {sys.argv[2]}")
    connection.execute("create table made.one as select i, 'text ' || i as text from range(100000) as rows (i)")
"""


def interpreter(lock: str) -> Path:
    return kept(ROOT / lock, Path(os.environ.get("READERS_CACHE", ROOT / ".readers")))


@pytest.mark.parametrize("lock", READERS)
def test_what_is_published_is_read_by_older_and_newer_versions(
    lock: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = first_night_of_all(tmp_path_factory).published_dir
    published = [str(folder / f"{kind}.duckdb") for kind in ("marts", "detail")]
    theirs = json.loads(run([interpreter(lock), "-c", _READ, *published]))
    assert theirs.pop("version") == READERS[lock] != duckdb.__version__
    described = json.loads((folder / "manifest.json").read_text())["files"]
    for path in published:
        rows = {table: int(values[0]) for table, values in theirs[path].items()}
        assert rows == described[Path(path).name]["tables"]
        with duckdb.connect(str(Path(path).resolve()), read_only=True) as connection:
            for table, values in theirs[path].items():
                ours = connection.execute(f'select count(*), max(columns(*)) from "{table}"').fetchall()[0]
                assert values == [str(value) for value in ours], table


def test_a_newer_version_would_build_files_that_older_ones_read(tmp_path: Path) -> None:
    """The profile names the format: left to itself DuckDB 2.0 writes one that nobody before it opens."""
    profile = yaml.safe_load((ROOT / "dbt_project" / "profiles.yml").read_text())
    options = {
        each["alias"]: each["options"]["storage_version"]
        for each in profile["watertight"]["outputs"]["duckdb"]["attach"]
    }
    newest, oldest = interpreter("requirements-duckdb2.lock"), interpreter("requirements-reader-oldest.lock")
    assert options["marts"] == options["detail"]
    run([newest, "-c", _MAKE, tmp_path / "pinned.duckdb", f"(storage_version '{options['marts']}')"])
    found = json.loads(run([oldest, "-c", _READ, tmp_path / "pinned.duckdb"]))
    assert found[str(tmp_path / "pinned.duckdb")] == {"one": ["100000", "99999", "text 99999"]}
    run([newest, "-c", _MAKE, tmp_path / "default.duckdb", ""])
    with pytest.raises(RuntimeError, match="version"):
        run([oldest, "-c", _READ, tmp_path / "default.duckdb"])
