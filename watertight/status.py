"""How things stand, told without touching the file that a running night writes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from extractors.core.settings import Settings
from extractors.core.spec import Source
from extractors.sources import SOURCES
from warehouse import lease, manifest
from warehouse.build import last_build
from warehouse.publish import published_run
from warehouse.query import ask
from watertight import erasure
from watertight.history import Account, landed, newest_runs
from watertight.tasks import NIGHTLY_HOUR

_FIGURES = """
    select run_id, source_system, account, count(*), count(*) filter (where verdict = 'explained'),
        count(*) filter (where verdict = 'fuller_until_sweep'), count(*) filter (where is_fault)
    from mart_ops__reconciliation
    group by all
"""
_NEW = "select source_system, account, run_id, sum(new_count) from mart_ops__loads group by all"


def read(settings: Settings) -> dict[str, Any]:
    """`{"home", "is_demonstration", "lease", "erasure", "next_run_at", "published_run", "published_file", "publication", "last_build", "sources", "resources"}`,
    JSON-able. `erasure` is the one that was begun and not finished (`begun_by`, `records` by table), None without one. `publication` is what the manifest says (`data_through`, bytes, tables and rows of the marts), None without one.

    A source's `calls` and `quota` are those of its newest run; `new_rows` and `reconciled` come from the publication and are None before that run
    is published. `hours_behind` is from where its data ends to its own clock of that run, `hours_old` to this machine's now (None in simulated time).
    """
    record = lease.read(settings.home)
    built = last_build(settings)
    run_id = published_run(settings)
    newest = landed(settings, 1)
    return {
        "home": str(settings.home),
        "is_demonstration": settings.home != settings.home_dir.expanduser().resolve(),
        "lease": lease.as_dict(record) if record else None,
        "erasure": erasure.unfinished(settings),
        "next_run_at": _next_run(settings),
        "published_run": run_id,
        "published_file": str(settings.published_dir / "marts.duckdb") if run_id else None,
        "publication": _publication(settings) if run_id else None,
        "last_build": {
            "run_id": built.run_id,
            "tests": built.count("test"),
            "warned": built.count("test", "warn"),
            "failed": [node.name for node in built.failed],
            "findings": list(built.findings),
        }
        if built
        else None,
        "sources": _sources(settings, newest_runs(one for some in newest.values() for one in some)),
        "resources": [
            {
                "source": one.source_system,
                "account": one.account,
                "resource": one.resource,
                "run_id": one.run_id,
                "data_through": one.data_through,
                "rows": one.rows,
                "requests": one.requests,
            }
            for some in newest.values()
            for one in some
        ],
    }


def show(console: Console, found: dict[str, Any], with_resources: bool = False) -> None:
    """The same for a person; the list of resources when it is asked for."""
    console.print(Text("home      "), Text(found["home"] + (" (demonstration)" if found["is_demonstration"] else "")))
    record = found["lease"]
    if record is None:
        console.print("runs       none yet. Start one: make nightly, or watertight nightly")
    elif record["is_free"]:
        console.print(f"last run   {_run(record['run_id'])}, nobody writes now")
    else:
        console.print(
            f"writing    run {record['run_id']} since {record['taken_at']} (process {record['pid']} on {record['host']})"
        )
    if begun := found["erasure"]:
        console.print(
            Text(
                f"erasure    of {sum(begun['records'].values()):,} records, begun by run {begun['begun_by']}, is not finished:"
                " something of these persons may still be held. Finish it: watertight erase",
                "red",
            ),
            soft_wrap=True,
        )
    if found["next_run_at"]:
        console.print(f"next run   {_minute(found['next_run_at'])} where Airflow schedules it")
    console.print(
        "published ",
        Text(f"run {found['published_run']}: {found['published_file']}" if found["published_run"] else "nothing yet"),
    )
    if published := found["publication"]:
        reach = f", data to {_minute(published['data_through'])}" if published["data_through"] else ""
        console.print(f"           {published['tables']} tables, {published['rows']:,} rows, {published['bytes'] / 1e6:,.1f} MB{reach}")  # fmt: skip
        if not published["is_complete"]:
            console.print(Text("           not all of its files are as they were published: watertight verify says which", "red"))  # fmt: skip
    built = found["last_build"]
    if built:
        console.print(f"tests      {built['tests']} ran, {built['warned']} warned, {len(built['failed'])} failed")
        for finding in built["findings"]:
            console.print(Text(f"           {finding}", "yellow"), soft_wrap=True)
    for source in found["sources"]:
        console.print()
        _show_source(console, source)
    if with_resources and found["resources"]:
        console.print()
        _show_resources(console, found["resources"])
    elif found["resources"]:
        console.print()
        console.print(Text(f"watertight status --resources lists the {len(found['resources'])} resources", "dim"))


def _show_source(console: Console, source: dict[str, Any]) -> None:
    console.print(Text(source["title"], "bold"), Text(f"({source['account']}), last run {_run(source['run_id'])}"))
    spent = [f"{count:,} {unit}" for unit, count in source["spent"].items()]
    quota = source["quota"]
    left = f"; {quota['left']:,} of {quota['limit']:,} {quota['unit']} left" if quota else ""
    if spent:
        console.print(Text(f"  used       {', '.join(spent)}{left}"))
    new = (
        f", {source['new_rows']:,} of them new" if source["new_rows"] is not None else ", not loaded and published yet"
    )
    console.print(Text(f"  landed     {source['rows']:,} rows{new}"))
    old = f", {_duration(source['hours_old'])} ago" if source["hours_old"] is not None else ""
    console.print(
        Text(
            f"  reaches    to {_minute(source['data_through'])}{old}; {_duration(source['hours_behind'])} behind its own clock",
            "yellow" if (source["hours_old"] or 0) > source["late_after_hours"] else "",
        )
    )
    figures = source["reconciled"]
    if figures:
        same = figures["figures"] - figures["explained"] - figures["waiting"] - figures["faults"]
        words = [f"{same:,} of {figures['figures']:,} of its own figures equal"]
        words += [f"{figures[name]:,} {text}" for name, text in (("explained", "explained"), ("waiting", "wait for the list of ids"), ("faults", "differ")) if figures[name]]  # fmt: skip
        style = "red" if figures["faults"] else "yellow" if figures["waiting"] else ""
        console.print(Text(f"  reconciled {', '.join(words)}", style))
    if source["next_sweep_at"]:
        console.print(Text(f"  lists ids  next on {source['next_sweep_at'][:10]}"))


def _show_resources(console: Console, resources: list[dict[str, Any]]) -> None:
    table = Table(box=None, pad_edge=False, header_style="dim")
    columns = {"source": "source", "account": "account", "resource": "resource", "data_through": "landed up to", "rows": "rows", "requests": "calls"}  # fmt: skip
    for name, title in columns.items():
        table.add_column(title, justify="right" if name in ("rows", "requests") else "left")
    for resource in resources:
        shown = dict(resource, data_through=_minute(resource["data_through"]))
        table.add_row(*(Text(f"{shown[name]:,}" if name in ("rows", "requests") else str(shown[name])) for name in columns))  # fmt: skip
    console.print(table)


def _sources(settings: Settings, runs: list[Account]) -> list[dict[str, Any]]:
    new = {tuple(row[:3]): int(row[3]) for row in _published(settings, "mart_ops__loads", _NEW)}
    figures = {tuple(row[:3]): row[3:] for row in _published(settings, "mart_ops__reconciliation", _FIGURES)}
    return [_source(settings, SOURCES.get(run.source), run, new, figures) for run in runs]


def _source(
    settings: Settings,
    source: Source | None,
    run: Account,
    new: dict[tuple[Any, ...], int],
    figures: dict[tuple[Any, ...], Any],
) -> dict[str, Any]:
    reconciled = figures.get((run.run_id, run.source, run.account))
    return {
        "source": run.source,
        "title": source.title if source else run.source,
        "account": run.account,
        "run_id": run.run_id,
        "calls": run.requests,
        "spent": dict(run.spent),
        "quota": {"unit": run.quota.unit, "limit": run.quota.limit, "left": run.quota.left} if run.quota else None,
        "rows": run.rows,
        "new_rows": new.get((run.source, run.account, run.run_id)),
        "data_through": _text(run.reaches_to),
        "asked_at": _text(run.asked_at),
        "hours_behind": _hours(run.asked_at - run.reaches_to),
        "late_after_hours": settings.late_hours,
        "hours_old": None
        if settings.simulated_time or settings.is_demonstration
        else _hours(datetime.now(UTC) - run.reaches_to),
        "next_sweep_at": _text(run.listed_at + timedelta(days=settings.sweep_days)) if run.listed_at else None,
        "reconciled": dict(zip(("figures", "explained", "waiting", "faults"), reconciled, strict=True))
        if reconciled
        else None,
    }


def _publication(settings: Settings) -> dict[str, Any] | None:
    described = manifest.read(settings.published_dir)
    if described is None:
        return None
    tables = manifest.rows(settings.published_dir, "marts.duckdb")
    return {
        "data_through": described.get("data_through"),
        "tables": len(tables),
        "rows": sum(tables.values()),
        "bytes": (settings.published_dir / "marts.duckdb").stat().st_size,
        "is_complete": manifest.has_its_files(settings.published_dir, described),
    }


def _published(settings: Settings, table: str, query: str) -> list[tuple[Any, ...]]:
    """The rows of a query, none where nothing is published or an older program did without that table."""
    if not (settings.published_dir / "marts.duckdb").exists():
        return []
    known = ask(settings, f"select table_name from duckdb_tables() where table_name = '{table}'").rows  # noqa: S608 - names are ours and checked, values are bound
    return list(ask(settings, query).rows) if known else []


def _next_run(settings: Settings) -> str | None:
    """The next time at which the DAG is due; None for the demonstration, whose nights are run by hand."""
    if settings.simulated_time or settings.is_demonstration:
        return None
    now = datetime.now(settings.zone)
    today = now.replace(hour=NIGHTLY_HOUR, minute=0, second=0, microsecond=0)
    due = today if now < today else today + timedelta(days=1)
    return _text(due.astimezone(UTC))


def _text(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


def _run(run_id: str) -> str:
    """A run's id begins with the instant at which it began."""
    try:
        began = datetime.strptime(run_id.partition("Z")[0], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return run_id
    return f"{began:%Y-%m-%d %H:%M} UTC ({run_id})"


def _minute(text: str) -> str:
    return f"{text[:10]} {text[11:16]} UTC"


def _hours(duration: timedelta) -> float:
    return round(duration / timedelta(hours=1), 2)


def _duration(hours: float) -> str:
    if abs(hours) < 2:
        return f"{hours * 60:.0f} min"
    return f"{hours:.0f} h" if abs(hours) < 72 else f"{hours / 24:.0f} days"
