"""The same list of deals by dlt's rest_api source into DuckDB, histories as tables of their own: as it comes, and tuned."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import dlt
import duckdb
from dlt.destinations import duckdb as to_duckdb
from dlt.sources.rest_api import rest_api_source

from tests.bench.ingest.recording import LIST, TOKEN


def load(url: str, parameters: dict[str, str], folder: str, counts: str, tuned: bool) -> None:
    """Runs one pipeline in `folder`. Writes the number of deals loaded to `counts`."""
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    options: dict[str, Any] = {}
    if tuned:
        # Parquet files instead of INSERT statements, both cores for both stages, big buffers, no inspection of nested names twice.
        options["loader_file_format"] = "parquet"
        os.environ |= {
            "NORMALIZE__WORKERS": "2",
            "LOAD__WORKERS": "4",
            "DATA_WRITER__BUFFER_MAX_ITEMS": "50000",
            "EXTRACT__DATA_WRITER__FILE_MAX_ITEMS": "25000",
            "NORMALIZE__DATA_WRITER__FILE_MAX_ITEMS": "100000",
        }
    source = rest_api_source({
        "client": {
            "base_url": url,
            "auth": {"type": "bearer", "token": TOKEN},
            "paginator": {"type": "cursor", "cursor_path": "paging.next.after", "cursor_param": "after"},
        },
        "resources": [{"name": "deals", "primary_key": "id", "endpoint": {"path": LIST, "params": parameters, "data_selector": "results"}}],
    })  # fmt: skip
    database = Path(folder) / "dlt.duckdb"
    pipeline = dlt.pipeline(
        "bench",
        pipelines_dir=str(Path(folder) / "pipelines"),
        destination=to_duckdb(str(database)),
        dataset_name="hubspot",
    )
    pipeline.run(source, **options)
    with duckdb.connect(str(database), read_only=True) as connection:
        row = connection.execute("select count(*) from hubspot.deals").fetchone()
        history = connection.execute(
            "select count(*) from hubspot.deals__properties_with_history__dealstage"
        ).fetchone()
    assert row
    assert history
    Path(counts).write_text(json.dumps({"loaded": row[0], "history": history[0]}))
