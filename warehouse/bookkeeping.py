"""What is written down of every load beside its rows: `raw._loads` and `raw._control_totals`."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import duckdb
import msgspec

from extractors.core.landing import MANIFEST, Landing

CREATE = """
create table if not exists raw._loads (
    load_number bigint, source_system varchar, account varchar, resource varchar, run_id varchar, file varchar, sha256 varchar,
    rows_landed bigint, rows_new bigint, rows_held bigint, rows_vanished bigint, mode varchar, sweep_of varchar,
    cursor_from timestamp, cursor_to timestamp, data_through timestamp, extracted_at timestamp, pages bigint, requests bigint,
    loaded_at timestamp
);
create table if not exists raw._control_totals (
    load_number bigint, source_system varchar, account varchar, run_id varchar, resource varchar, as_of timestamp,
    pipeline_id varchar, stage_id varchar, currency_code varchar, deal_count bigint, deal_amount decimal(18,2),
    excluded_ids varchar[], left_out_ids varchar[]
);
"""


def write(
    connection: duckdb.DuckDBPyConnection, landing: Landing, number: int, new_by_file: dict[str, int], vanished: int
) -> None:
    """One row per file; what belongs to the landing as a whole stands in the first, so that sums over files are right.

    A landing without rows is written down under its manifest, for its cursor.
    """
    manifest = landing.manifest
    files = [(part.file, part.sha256, part.rows) for part in manifest.parts]
    if not files:
        files = [(MANIFEST, hashlib.sha256((landing.folder / MANIFEST).read_bytes()).hexdigest(), 0)]
    parts = [
        {
            "file": "/".join((*landing.folder.parts[-4:], file)),
            "sha256": sha256,
            "rows_landed": rows,
            "rows_new": new_by_file.get(file, 0),
            "rows_vanished": 0 if index else vanished,
            "pages": 0 if index else manifest.pages,
            "requests": 0 if index else manifest.requests,
        }
        for index, (file, sha256, rows) in enumerate(files)
    ]
    said = {
        "number": number,
        "source": manifest.source_system,
        "account": manifest.account,
        "resource": manifest.resource,
        "run_id": manifest.run_id,
    }
    connection.execute(
        """insert into raw._loads
        select $number, $source, $account, $resource, $run_id, part.file, part.sha256, part.rows_landed, part.rows_new,
            part.rows_landed - part.rows_new, part.rows_vanished, $mode, $sweep_of, $cursor_from, $cursor_to, $data_through, $extracted_at,
            part.pages, part.requests, $loaded_at
        from (select unnest(from_json_strict($parts, '[{
            "file": "VARCHAR", "sha256": "VARCHAR", "rows_landed": "BIGINT", "rows_new": "BIGINT", "rows_vanished": "BIGINT",
            "pages": "BIGINT", "requests": "BIGINT"}]')) as part)""",
        said
        | {
            "parts": _json(parts),
            "mode": manifest.mode,
            "sweep_of": manifest.sweep_of,
            "cursor_from": utc(manifest.cursor_from),
            "cursor_to": utc(manifest.cursor_to),
            "data_through": utc(manifest.data_through),
            "extracted_at": utc(manifest.extracted_at),
            "loaded_at": datetime.now(UTC).replace(tzinfo=None),
        },
    )
    controls = manifest.control_totals
    if controls is None or not controls.totals:
        return
    connection.execute(
        """insert into raw._control_totals
        select $number, $source, $account, $run_id, $resource, $as_of, total.pipeline_id, total.stage_id, total.currency_code,
            total.deal_count, total.deal_amount, from_json_strict($excluded, '["VARCHAR"]'), from_json_strict($left_out, '["VARCHAR"]')
        from (select unnest(from_json_strict($totals, '[{
            "pipeline_id": "VARCHAR", "stage_id": "VARCHAR", "currency_code": "VARCHAR", "deal_count": "BIGINT", "deal_amount": "VARCHAR"
            }]')) as total)""",
        said
        | {
            "as_of": utc(controls.as_of),
            "totals": _json(controls.totals),
            "excluded": _json(controls.excluded_ids),
            "left_out": _json(controls.left_out_ids),
        },
    )


def _json(values: object) -> str:
    """Many values as one: for every single value that is bound, DuckDB's client looks for modules that are not installed."""
    return msgspec.json.encode(values).decode()


def utc(instant: str | datetime | None) -> datetime | None:
    """Raw instants are UTC without a zone."""
    if isinstance(instant, str):
        instant = datetime.fromisoformat(instant)
    return instant.astimezone(UTC).replace(tzinfo=None) if instant else None
