"""The project's own road: extract the deals, land them, load them, build the typed staging tables from them."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import duckdb

from extractors.core.run import ResourceState
from extractors.core.settings import read_settings
from extractors.sources import extract
from tests.bench.ingest.recording import TOKEN
from tests.bench.piece import connect
from warehouse.lease import Lease
from warehouse.load import load

# DuckDB's client imports them, where they are there, with its first bound value. What a night is installed with has neither; they are here for
# the rivals, and would count as a hundred megabytes of the night's own.
sys.modules |= {"pandas": None, "polars": None}  # type: ignore[dict-item]


def to_typed_tables(url: str, home: str, statements: list[str], counts: str) -> dict[str, float]:
    """The whole road into `home`; CPU seconds by step. Writes what was landed and loaded to `counts`."""
    settings = read_settings(home_dir=Path(home), hubspot_token=TOKEN, hubspot_url=url, simulated_time=True)
    steps = {}
    began = time.process_time()
    lease = Lease.take(settings.home, one_process=True)
    landed = extract(settings, "hubspot", "deals", lease.run_id, ResourceState())["rows"]
    steps["extract and land"] = time.process_time() - began
    loaded = load(settings, lease, [("hubspot", "deals")])
    steps["load"] = time.process_time() - began - steps["extract and land"]
    connection = connect(str(settings.warehouse_file), {}, read_only=False)
    for statement in statements:
        connection.execute(statement)
    steps["staging"] = time.process_time() - began - sum(steps.values())
    found = {"landed": landed, "loaded": sum(each.rows_new for each in loaded), "staged": _count(connection)}
    connection.close()
    lease.release()
    Path(counts).write_text(json.dumps(found))
    return steps


def _count(connection: duckdb.DuckDBPyConnection) -> int:
    row = connection.execute("select count(*) from staging.stg_hubspot__deals").fetchone()
    assert row
    return int(row[0])
