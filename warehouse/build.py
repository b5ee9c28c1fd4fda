"""The night's one dbt build, in this process: raw tables to facts, marts and data tests."""

from __future__ import annotations

import csv
import json
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from extractors.core.custom_fields import TYPES
from extractors.core.errors import ConfigurationError, DiskError, IntegrityError, WatertightError
from extractors.core.settings import Settings
from warehouse.database import attach, explain, is_out_of_memory, plain_errors, require_space, writer

if TYPE_CHECKING:
    from dbt.cli.main import dbtRunner

#: the dbt project lies beside this package, wherever the working directory is
DBT_PROJECT = Path(__file__).resolve().parent.parent / "dbt_project"
#: the steps of every preset, in order
_FUNNEL_PRESETS = DBT_PROJECT / "seeds" / "funnel_presets.csv"
#: the funnel is the companies' own step names
_OWN = "own"

#: how many causes of a failing test are shown, and of each how many rows; both are found among the first so many rows
_ROWS_SHOWN, _ROWS_READ = 3, 200
#: a test's failing rows say what is wrong in one of these columns; the others tell where
_SENTENCES = ("problem", "likely_cause")

_GOOD = {"success", "pass", "no-op"}  # who reads the tables (an exposure) is written down and not built
#: the levels of dbt's events that nobody reads
_TOO_MUCH = {"debug", "test", "dynamic"}


@dataclass(frozen=True)
class Node:
    """What dbt did with one model, seed or test. `failures` counts a test's failing rows."""

    name: str
    kind: str
    status: str
    seconds: float
    failures: int
    message: str

    @property
    def has_failed(self) -> bool:
        return self.status in ("error", "fail", "runtime error", "partial success")


@dataclass(frozen=True)
class Built:
    """A finished build. `findings` are plain sentences on the tests that warned or failed."""

    run_id: str
    seconds: float
    nodes: tuple[Node, ...]
    findings: tuple[str, ...]

    def count(self, kind: str, status: str | None = None) -> int:
        """How many nodes of a kind (model, seed, test) there were, or ended with a status."""
        return sum(node.kind == kind and status in (None, node.status) for node in self.nodes)

    @property
    def failed(self) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes if node.has_failed)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def build(settings: Settings, run_id: str, report: Callable[[str], None] = lambda line: None) -> Built:
    """Runs every seed, model and data test once; the result is also kept in `build/result.json`, for verify.

    `report` gets a line for every model that is done and for every finding. Raises ConfigurationError when no such
    funnel preset exists, WatertightError when the project cannot be parsed or a node failed; what the earlier publication holds is
    not touched.
    """
    _require_preset(settings)
    with plain_errors(settings.build_dir):
        settings.build_dir.mkdir(parents=True, exist_ok=True)
        _result_file(settings).unlink(missing_ok=True)
    require_space(settings.home, sum(_size(path) for path in (settings.marts_file, settings.detail_file)), "the build")
    started = time.monotonic()
    with plain_errors(settings.build_dir):
        nodes, compiled = _run_dbt(settings, report)
    findings = tuple(_findings(settings, nodes, compiled))
    for finding in findings:
        report(finding)
    built = Built(run_id, round(time.monotonic() - started, 1), nodes, findings)
    with plain_errors(settings.build_dir):
        _result_file(settings).write_text(json.dumps(built.as_dict()))
    if built.failed:
        _say_disk_and_damage(settings, built.failed)
        names = ", ".join(node.name for node in built.failed[:5])
        raise WatertightError(
            f"The build failed: {len(built.failed)} of {len(nodes)} steps did ({names}). " + " ".join(findings[:3]),
            "The old publication stays. Mend the cause, then run again.",
        )
    return built


def build_as_of(
    settings: Settings, tables: Sequence[str], as_of: datetime | None, report: Callable[[str], None]
) -> None:
    """Builds some published tables and what they are made of, without the data tests, as they stood at the instant `as_of` (aware).

    None: everything that is loaded counts. Raises as `build` does.
    """
    _require_preset(settings)
    settings.build_dir.mkdir(parents=True, exist_ok=True)
    with plain_errors(settings.build_dir):
        nodes, _ = _run_dbt(settings, report, as_of, [f"+{table}" for table in tables])
    failed = [node for node in nodes if node.has_failed]
    if failed:
        raise WatertightError(
            f"{', '.join(tables)} could not be built as it was then. " + " ".join(map(_sentence, failed[:3])),
            f"The publication is untouched. The log is in {_log_file(settings)}.",
        )


def last_build(settings: Settings) -> Built | None:
    """The last build's result; None when there is none or it was cut short."""
    try:
        content = json.loads(_result_file(settings).read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    content["nodes"] = tuple(Node(**node) for node in content["nodes"])
    content["findings"] = tuple(content["findings"])
    return Built(**content)


def _require_preset(settings: Settings) -> None:
    """A name that nobody knows would give an empty funnel: it stops here."""
    with _FUNNEL_PRESETS.open(encoding="utf-8", newline="") as lines:
        known = [*dict.fromkeys(row["funnel_preset"] for row in csv.DictReader(lines)), _OWN]
    if settings.funnel_preset not in known:
        raise ConfigurationError(
            f"WATERTIGHT_FUNNEL_PRESET names no funnel preset: {settings.funnel_preset}.",
            f"Use one of: {', '.join(known)}.",
        )


def _custom_fields(settings: Settings) -> dict[str, list[dict[str, str]]]:
    """The settings' own fields by staging model, as macros/custom_fields.sql reads them. Raises ConfigurationError for a table that takes none."""
    by_model: dict[str, list[dict[str, str]]] = {}
    for field in settings.custom_fields:
        folder = DBT_PROJECT / "models" / "staging" / field.source
        taking = sorted(path.stem for path in folder.glob("*.sql") if "custom_in" in path.read_text(encoding="utf-8"))
        model = f"stg_{field.source}__{field.table}"
        if model not in taking:
            raise ConfigurationError(
                f"WATERTIGHT_CUSTOM_FIELDS names {field.place}, and no fields can be added to {field.source}.{field.table}.",
                f"Use one of: {', '.join(name.partition('__')[2] for name in taking) or 'the tables of another source'}.",
            )
        by_model.setdefault(model, []).append({"name": field.name, "column": field.column, "type": TYPES[field.type]})
    return by_model


def parsed_project(settings: Settings, folder: Path) -> dict[str, Any]:
    """The project's manifest as dbt writes it, with its descriptions rendered; dbt's own files go to `folder`. Raises as `build` does."""
    from dbt.cli.main import dbtRunner

    with _environment(settings, None):
        outcome = dbtRunner().invoke([
            "parse",
            *("--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)),
            *("--target-path", str(folder), "--log-path", str(folder)),
            *("--vars", _variables(settings), "--log-level", "none", "--no-partial-parse"),
        ])  # fmt: skip
    if not outcome.success:
        raise WatertightError(
            f"dbt could not read the project: {str(outcome.exception).strip()}",
            "Mend the file it names, then run again.",
        )
    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return manifest


def _variables(settings: Settings) -> str:
    """What dbt_project.yml takes from the settings, as JSON."""
    return json.dumps({
        "timezone": settings.timezone,
        "currency": settings.currency,
        "constant_rate_date": settings.constant_rate_date.isoformat() if settings.constant_rate_date else "",
        "funnel_preset": settings.funnel_preset,
        "custom_fields": _custom_fields(settings),
    })  # fmt: skip


def _run_dbt(
    settings: Settings, report: Callable[[str], None], as_of: datetime | None = None, only: Sequence[str] = ()
) -> tuple[tuple[Node, ...], dict[str, str]]:
    """The nodes' results, and the compiled SQL of the tests among them, by name. With `only` these nodes and no data tests."""
    # Imported late: dbt takes two seconds to come in, and most commands do without it.
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    arguments = [
        "build",
        *("--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)),
        *("--target-path", str(settings.build_dir / "target"), "--log-path", str(_log_file(settings).parent)),
        *("--vars", _variables(settings)),
        # Unit tests prove the SQL, not the night's data: they run with the project's own tests.
        *("--exclude-resource-type", "unit_test"),
        *(("--select", *only, "--exclude-resource-type", "test") if only else ()),
        # dbt's own log puts every one of 18,000 events into words before it sees that it is none of those wanted.
        *("--log-level", "none", "--log-level-file", "none", "--no-use-colors", "--no-write-json"),
    ]
    with _environment(settings, as_of), _log(settings) as write:
        try:
            outcome = _runner(arguments, [write, _announcer(report)]).invoke(arguments)
        finally:
            DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]  # dbt-duckdb is half typed
    if outcome.exception is not None and is_out_of_memory(outcome.exception):
        raise explain(MemoryError(), settings.build_dir) from outcome.exception
    if isinstance(outcome.exception, KeyboardInterrupt):
        raise outcome.exception
    if outcome.exception is not None or outcome.result is None:
        reason = str(outcome.exception or "no reason given").strip()
        raise WatertightError(f"dbt could not run the project: {reason}", f"Its log is in {_log_file(settings)}.")
    results = list(getattr(outcome.result, "results", []))
    nodes = tuple(
        Node(
            name=result.node.name,
            kind=str(result.node.resource_type),
            status=str(result.status),
            seconds=round(result.execution_time, 3),
            failures=result.failures or 0,
            message=result.message or "",
        )
        for result in results
    )
    compiled = {
        result.node.name: result.node.compiled_code
        for result in results
        if result.node.resource_type == "test" and getattr(result.node, "compiled_code", None)
    }
    return nodes, compiled


def _runner(arguments: Sequence[str], callbacks: list[Callable[[Any], None]]) -> dbtRunner:
    from dbt.cli.main import dbtRunner

    return dbtRunner(callbacks=callbacks)


@contextmanager
def _environment(settings: Settings, as_of: datetime | None) -> Iterator[None]:
    """What dbt_project/profiles.yml and macros/as_of.sql ask for; put back afterwards, because the process goes on."""
    wanted = {
        "WATERTIGHT_WAREHOUSE_FILE": str(settings.warehouse_file),
        "WATERTIGHT_MARTS_FILE": str(settings.marts_file),
        "WATERTIGHT_DETAIL_FILE": str(settings.detail_file),
        "WATERTIGHT_MEMORY_MB": str(settings.memory_mb),
        "WATERTIGHT_INGEST_MEMORY_MB": str(settings.ingest_memory_mb),
        "WATERTIGHT_THREADS": str(settings.threads),
        "WATERTIGHT_AS_OF": as_of.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f") if as_of else "",
    }
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


class _DbtLog(RotatingFileHandler):
    """A log whose own trouble, a full disk above all, is not shown in place of the run's."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (the standard library's name)
        """Nothing: the run meets the same disk and says so itself."""


@contextmanager
def _log(settings: Settings) -> Iterator[Callable[[Any], None]]:
    """Writes what dbt tells a person, a line each, to its log, of which the last ten megabytes and as many before them are kept."""
    path = _log_file(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = _DbtLog(path, maxBytes=10_000_000, backupCount=1, encoding="utf-8")

    def write(event: Any) -> None:
        if event.info.level not in _TOO_MUCH:
            line = f"{event.info.ts.ToJsonString()} [{event.info.level}] {event.info.msg}"
            handler.emit(logging.makeLogRecord({"msg": line}))

    try:
        yield write
    finally:
        handler.close()


def _announcer(report: Callable[[str], None]) -> Callable[[Any], None]:
    def announce(event: Any) -> None:
        if event.info.name in ("LogModelResult", "LogSeedResult"):
            data = event.data
            report(f"{data.index} of {data.total}: {data.node_info.node_name} ({data.execution_time:.1f} s)")

    return announce


def _say_disk_and_damage(settings: Settings, failed: Sequence[Node]) -> None:
    """Raises what a full disk, a broken one or a damaged file is called everywhere else; a model that failed by it has no fault of its own."""
    for node in failed:
        if node.status != "fail":
            cause = explain(duckdb.Error(node.message), settings.warehouse_file)
            if isinstance(cause, DiskError | IntegrityError):
                raise cause


def _findings(settings: Settings, nodes: tuple[Node, ...], compiled: dict[str, str]) -> Iterator[str]:
    """One sentence for each node that did not end well, with the first failing rows of a test."""
    suspects = [node for node in nodes if node.status not in _GOOD and node.status != "skipped"]
    if not any(node.name in compiled for node in suspects):
        yield from (_sentence(node) for node in suspects)
        return
    with writer(settings.warehouse_file, settings.memory_mb) as connection:
        for name, path in (("marts", settings.marts_file), ("detail", settings.detail_file)):
            attach(connection, path, name)
        for node in suspects:
            rows = _failing_rows(connection, compiled[node.name]) if node.name in compiled else []
            yield _sentence(node) + "".join(f" {row}" for row in rows)


def _sentence(node: Node) -> str:
    if node.kind == "test" and node.failures:
        return f"{'Warning' if node.status == 'warn' else 'Failed'}: test {node.name} found {node.failures} rows."
    return f"{node.kind.capitalize()} {node.name}: {node.status}. {' '.join(node.message.split())}"


def _failing_rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[str]:
    """For each cause that a failing test names: its sentence, then the guilty rows with their keys, the first few of them."""
    try:
        cursor = connection.execute(f"select * from (\n{query}\n) limit {_ROWS_READ}")  # noqa: S608 - names are ours and checked, values are bound
    except duckdb.Error:
        return []  # the count stands in the sentence already; a test that aggregates may not run a second time
    names = [column[0] for column in cursor.description or ()]
    causes: dict[str, list[str]] = {}
    for values in cursor.fetchall():
        row = {name: value for name, value in zip(names, values, strict=True) if value is not None}
        sentence = next((str(row[name]) for name in _SENTENCES if row.get(name)), "")
        keys = ", ".join(f"{name} = {value}" for name, value in row.items() if name not in _SENTENCES)
        causes.setdefault(sentence, []).append(f"({keys})")
    return [
        f"{sentence} {', '.join(rows[:_ROWS_SHOWN])}".strip() + (", …" if len(rows) > _ROWS_SHOWN else "")
        for sentence, rows in list(causes.items())[:_ROWS_SHOWN]
    ]


def _log_file(settings: Settings) -> Path:
    return settings.build_dir / "logs" / "dbt.log"


def _result_file(settings: Settings) -> Path:
    return settings.build_dir / "result.json"


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
