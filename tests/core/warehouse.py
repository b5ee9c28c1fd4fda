"""A warehouse without extractors: raw tables written by hand, night by night, and dbt run on them in this process."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import md5
from pathlib import Path
from typing import Any

import duckdb

from extractors.sources import SOURCES
from tests.core.project import run_dbt

RESOURCES = {source.name: source.tables for source in SOURCES.values()}
ACCOUNTS = {"hubspot": "4711", "files": "exports", "tryton": "crm"}
_ENVELOPE = """
    _account varchar, _source_id varchar, _source_updated_at timestamp, _extracted_at timestamp, _run_id varchar, _record_number bigint,
    _is_deleted boolean, _load_number bigint, _version_hash uuid, payload json
"""


def instant(text: str) -> datetime:
    """`2026-01-31` or `2026-01-31 10:00:00.001` as a UTC instant."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def iso(at: datetime | str | None) -> str | None:
    """The instant as the CRMs write it."""
    if at is None:
        return None
    at = instant(at) if isinstance(at, str) else at
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


@dataclass
class Warehouse:
    """The three files of one warehouse in a folder."""

    folder: Path
    loads: int = 0
    night: datetime = field(default_factory=lambda: instant("2026-06-01 02:00:00"))
    results: Any = None

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.connect() as connection:
            connection.execute("create schema raw")
            for source, resources in RESOURCES.items():
                for resource in resources:
                    connection.execute(f"create table raw.{source}__{resource} ({_ENVELOPE})")
            connection.execute("""
                create table raw._loads (
                    load_number bigint, source_system varchar, account varchar, resource varchar, run_id varchar, file varchar,
                    sha256 varchar, rows_landed bigint, rows_new bigint, rows_held bigint, rows_vanished bigint, mode varchar,
                    sweep_of varchar, cursor_from timestamp, cursor_to timestamp, data_through timestamp, extracted_at timestamp,
                    pages bigint, requests bigint, loaded_at timestamp);
                create table raw._control_totals (
                    load_number bigint, source_system varchar, account varchar, run_id varchar, resource varchar, as_of timestamp,
                    pipeline_id varchar, stage_id varchar, currency_code varchar, deal_count bigint, deal_amount decimal(18, 2),
                    excluded_ids varchar[], left_out_ids varchar[])
            """)

    @classmethod
    def of(cls, folder: Path) -> "Warehouse":
        """The warehouse that lies in a folder already."""
        found = object.__new__(cls)
        found.folder, found.loads, found.results = folder, 0, None
        return found

    @property
    def files(self) -> dict[str, Path]:
        """The warehouse, marts and detail files."""
        return {name: self.folder / f"{name}.duckdb" for name in ("warehouse", "marts", "detail")}

    @property
    def run_id(self) -> str:
        """The current night's run."""
        return self.night.strftime("%Y%m%dT%H%M%SZ-0001")

    @contextmanager
    def connect(self, name: str = "warehouse") -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection to one of the files."""
        connection = duckdb.connect(str(self.files[name]))
        try:
            yield connection
        finally:
            connection.close()

    def load(self, source: str, resource: str, rows: list[dict[str, Any]], account: str = "") -> int:
        """Load one landing: rows of `{"id", "payload", "updated_at"?, "is_deleted"?}`. Returns the load's number."""
        self.loads += 1
        account = account or ACCOUNTS[source]
        values = [
            (
                account, row["id"], row.get("updated_at"), self.night, self.run_id, number, row.get("is_deleted", False), self.loads,
                str(uuid.UUID(md5(f"{json.dumps(row['payload'])}{row.get('is_deleted')}".encode()).hexdigest())),  # noqa: S324 - the warehouse makes its keys so; nothing is kept secret by it
                json.dumps(row["payload"]),
            )
            for number, row in enumerate(rows, 1)
        ]  # fmt: skip
        with self.connect() as connection:
            connection.execute("set timezone = 'UTC'")
            if values:
                connection.executemany(
                    f"insert into raw.{source}__{resource} values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values
                )
            connection.execute(
                "insert into raw._loads by name select ? as load_number, ? as source_system, ? as account, ? as resource, ? as run_id, "
                "?::timestamp as data_through, ?::timestamp as extracted_at",
                [self.loads, source, account, resource, self.run_id, self.night - timedelta(minutes=5), self.night],
            )
        return self.loads

    def control_totals(
        self, source: str, totals: list[tuple[str, str, str | None, int, str | None]], excluded: list[str]
    ) -> None:
        """The source's own totals: (pipeline, stage, currency, count, amount)."""
        with self.connect() as connection:
            for pipeline, stage, currency, count, amount in totals:
                connection.execute(
                    "insert into raw._control_totals values (?, ?, ?, ?, 'deals', ?, ?, ?, ?, ?, ?, ?, [])",
                    [
                        self.loads,
                        source,
                        ACCOUNTS[source],
                        self.run_id,
                        self.night,
                        pipeline,
                        stage,
                        currency,
                        count,
                        amount,
                        excluded,
                    ],
                )

    def dbt(self, *arguments: str, variables: dict[str, str] | None = None) -> Any:
        """Run dbt; returns its result object."""
        self.results = run_dbt(arguments, self.folder, variables)
        return self.results

    def build(self, *arguments: str) -> Any:
        """Seeds, models and tests up to core, and what compares it with the sources. Raises with dbt's messages if anything fails."""
        result = self.dbt("build", "--select", "path:seeds", "path:models/staging", "path:models/intermediate", "path:models/core",
                          "path:models/marts/ops", "--exclude", "test_type:unit", "--indirect-selection", "cautious", *arguments)  # fmt: skip
        if not result.success:
            failed = [
                f"{each.node.name}: {each.message}" for each in result.result or () if each.status in ("error", "fail")
            ]
            raise AssertionError("\n".join(failed) or str(result.exception))
        return result

    def rows(self, query: str, name: str = "marts") -> list[dict[str, Any]]:
        """The rows of a query as dictionaries."""
        with self.connect(name) as connection:
            found = connection.execute(query)
            names = [column[0] for column in found.description or ()]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
